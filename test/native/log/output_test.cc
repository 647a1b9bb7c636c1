#include "log/output.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "support/memory_files.h"

namespace rocket::log {
namespace {

using test::MemoryFiles;
using Contents = std::map<std::string, std::string>;

constexpr std::int64_t kDayMs = 24 * 3600 * 1000;

class OutputTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  Output open(std::uint64_t max_file_bytes = 0, std::size_t max_files = 0) {
    return Output({.folder = "/logs", .name = "app", .fd = 1, .max_file_bytes = max_file_bytes, .max_files = max_files},
                  files_);
  }
  static void write(Output& output, std::string_view text) {
    while (!text.empty()) {
      const auto written = output.write(text);
      ASSERT_GT(written, 0);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  std::shared_ptr<MemoryFiles> files_ = std::make_shared<MemoryFiles>();
};

TEST_F(OutputTest, NamesFilesAsTheOriginalDoes) {
  auto output = open();
  write(output, "a\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "a\n"}}));
}

TEST_F(OutputTest, RollsWhenAFileIsFullBetweenLines) {
  auto output = open(10);
  std::vector<std::string> rolled;
  output.on_rolled = [&](const std::string& path) { rolled.push_back(path); };
  write(output, "1234\n6789\nab\nlonger than a file\nc\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "1234\n6789\n"},
                                          {"/logs/app_20261122_log.1", "ab\n"},
                                          {"/logs/app_20261122_log.2", "longer than a file\n"},
                                          {"/logs/app_20261122_log.3", "c\n"}}));
  EXPECT_EQ(rolled.size(), 3U);
}

TEST_F(OutputTest, ALineThatWasWrittenInPartIsNotTornByRolling) {
  auto output = open(10);
  files_->write_at_most(3);
  write(output, "123456789\nabcdefgh\n");
  EXPECT_EQ(files_->contents(),
            (Contents{{"/logs/app_20261122_log.0", "123456789\n"}, {"/logs/app_20261122_log.1", "abcdefgh\n"}}));
}

TEST_F(OutputTest, RollsAtMidnightAndWhenTheClockIsSetBack) {
  auto output = open();
  write(output, "a\n");
  files_->now += kDayMs;
  write(output, "b\n");
  files_->now -= kDayMs;
  write(output, "c\n");
  EXPECT_EQ(files_->contents(),
            (Contents{{"/logs/app_20261122_log.0", "a\nc\n"}, {"/logs/app_20261123_log.0", "b\n"}}));
}

TEST_F(OutputTest, GoesOnWithTheLastFileOfTheDay) {
  files_->put("/logs/app_20261122_log.2", "before\n");
  files_->put("/logs/app_20261121_log.9", "yesterday\n");
  files_->put("/logs/apps_20261122_log.5", "another's\n");
  auto output = open(1000);
  write(output, "a\n");
  EXPECT_EQ(files_->contents()["/logs/app_20261122_log.2"], "before\na\n");
}

TEST_F(OutputTest, DoesNotGoOnWithAFileThatIsFullOrCompressed) {
  files_->put("/logs/app_20261122_log.2.gz", "");
  auto output = open(10);
  write(output, "a\n");
  EXPECT_EQ(files_->contents()["/logs/app_20261122_log.3"], "a\n");
  files_->put("/logs/app_20261122_log.4", "0123456789");
  auto second = open(10);
  write(second, "b\n");
  EXPECT_EQ(files_->contents()["/logs/app_20261122_log.5"], "b\n");
}

TEST_F(OutputTest, FindsWhatAnEarlierProcessHasLeft) {
  {
    auto output = open();
    write(output, "old\n");
    files_->now += kDayMs;
    write(output, "newer\n");
    files_->now += 2 * kDayMs;
    write(output, "of another process\n");
  }
  files_->now += kDayMs;
  // Another process may still be at this one.
  ASSERT_EQ(files_->write(files_->open("/logs/app_20261126_log.0"), "young\n"), 6);
  files_->open("/logs/app_20261126_log.1");
  Output output({.folder = "/logs", .name = "app", .fd = 1, .max_file_bytes = 0, .max_files = 4}, files_);
  std::vector<std::string> left;
  output.on_left = [&](const std::string& path) { left.push_back(path); };
  ASSERT_EQ(output.open(), 0);
  EXPECT_EQ(files_->contents().size(), 4U) << "the oldest of five is gone";
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{"/logs/app_20261123_log.0", "/logs/app_20261125_log.0"}));
}

TEST_F(OutputTest, KeepsSoManyFiles) {
  files_->put("/logs/app_20261120_log.0.gz", "old");
  files_->put("/logs/other_20261120_log.0", "not ours");
  auto output = open(2, 3);
  write(output, "a\nb\nc\nd\ne\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.2", "c\n"},
                                          {"/logs/app_20261122_log.3", "d\n"},
                                          {"/logs/app_20261122_log.4", "e\n"},
                                          {"/logs/other_20261120_log.0", "not ours"}}));
}

TEST_F(OutputTest, OpensTheFileAgainWhenItWasMovedOrDeleted) {
  auto output = open();
  write(output, "a\n");
  files_->move("/logs/app_20261122_log.0", "/logs/moved");
  output.reopen();
  write(output, "b\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "b\n"}, {"/logs/moved", "a\n"}}));
  files_->remove("/logs/app_20261122_log.0");
  files_->now += 1000;  // noticed without a word, soon
  write(output, "c\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "c\n"}, {"/logs/moved", "a\n"}}));
}

TEST_F(OutputTest, DoesNotWriteIntoTheMovedFileWhenTheNewOneCannotBeOpened) {
  auto output = open();
  write(output, "a\n");
  files_->move("/logs/app_20261122_log.0", "/logs/moved");
  output.reopen();
  files_->fail_opens(EACCES);
  EXPECT_EQ(output.write("b\n"), -EACCES);
  EXPECT_EQ(output.write("b\n"), -EACCES) << "asked for once, and not done yet";
  files_->fail_opens(0);
  write(output, "b\n");
  EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "b\n"}, {"/logs/moved", "a\n"}}));
}

TEST_F(OutputTest, LeavesAFileThatIsGoneInTheMiddleOfALine) {
  for (const bool asked : {true, false}) {
    auto output = open();
    files_->fail_writes(ENOSPC, 3);
    EXPECT_EQ(output.write("abcdef\n"), 3);
    EXPECT_EQ(output.write("def\n"), -ENOSPC);
    files_->move("/logs/app_20261122_log.0", "/logs/moved");
    if (asked) {
      output.reopen();
    } else {
      files_->now += 1000;
    }
    EXPECT_EQ(output.write("def\n"), -ENOSPC);
    files_->fail_writes(0);
    write(output, "def\nb\n");
    EXPECT_EQ(files_->contents(), (Contents{{"/logs/app_20261122_log.0", "def\nb\n"}, {"/logs/moved", "abc"}}));
    files_->remove("/logs/app_20261122_log.0");
    files_->remove("/logs/moved");
  }
}

TEST_F(OutputTest, AFullDiskInTheMiddleOfALineDoesNotTearIt) {
  auto output = open();
  files_->fail_writes(ENOSPC, 3);
  EXPECT_EQ(output.write("abcdef\n"), 3);
  EXPECT_EQ(output.write("def\n"), -ENOSPC);
  files_->now += kDayMs;
  EXPECT_EQ(output.write("def\n"), -ENOSPC);
  files_->fail_writes(0);
  write(output, "def\nb\n");
  EXPECT_EQ(files_->contents(),
            (Contents{{"/logs/app_20261122_log.0", "abcdef\n"}, {"/logs/app_20261123_log.0", "b\n"}}));
}

TEST_F(OutputTest, SaysWhyItCannotOpenOrWrite) {
  auto output = open();
  files_->fail_opens(EACCES);
  EXPECT_EQ(output.write("a\n"), -EACCES);
  files_->fail_opens(0);
  files_->fail_writes(ENOSPC, 1);
  EXPECT_EQ(output.write("a\n"), 1);
  EXPECT_EQ(output.write("\n"), -ENOSPC);
  files_->fail_writes(0);
  EXPECT_EQ(output.write("\nb\n"), 1) << "first the rest of the line";
  EXPECT_EQ(output.write("b\n"), 2);
  EXPECT_EQ(files_->all(), "a\nb\n");
}

TEST(RolledNameTest, IsReadFromTheFilesThatAreOnes) {
  RolledName name;
  EXPECT_TRUE(parse_rolled_name("app_20261122_log.12", "app", name));
  EXPECT_EQ(name, (RolledName{"20261122", 12}));
  EXPECT_TRUE(parse_rolled_name("app_20261122_log.3.gz", "app", name));
  for (const char* other : {"app_20261122_log.", "app_20261122_log.x", "app_2026112_log.1", "app2_20261122_log.1",
                            "app_20261122_log.1.gz.tmp", "app", "app_20261122_log"}) {
    EXPECT_FALSE(parse_rolled_name(other, "app", name)) << other;
  }
}

}  // namespace
}  // namespace rocket::log
