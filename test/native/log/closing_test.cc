#include "log/closing.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "log/logger_fixture.h"

namespace rocket::log {
namespace {

/// What is not written at the end is lost, and each line is counted once: written or dropped.
class ClosingTest : public LoggerTest {
 protected:
  ClosingTest() { flush_timeout_ = Millis(100); }
  void say_many(Logger& logger, int lines) {
    for (int i = 0; i < lines; ++i) say(logger, std::to_string(i));
  }
};

TEST_F(ClosingTest, CountsAndTellsWhatAFolderThatCannotBeMadeLoses) {
  files_->fail_opens(EACCES);
  const auto logger = open();
  say_many(*logger, 1000);
  logger->close();
  EXPECT_EQ(logger->stats().lines_written, 0U);
  EXPECT_EQ(logger->stats().lines_dropped, 1000U);
  EXPECT_EQ(files_->told(), "rocket-rpc: the log /logs/app has lost 1000 lines at its end: Permission denied\n");
}

TEST_F(ClosingTest, CountsAndTellsWhatADiskThatHangsLoses) {
  files_->freeze(true);
  const auto logger = open();
  say_many(*logger, 10);
  logger->close();
  EXPECT_EQ(logger->stats().lines_dropped, 10U);
  EXPECT_EQ(files_->told(),
            "rocket-rpc: the log /logs/app has lost 10 lines at its end: they were not written in time (option "
            "flushTimeoutMs)\n");
  files_->freeze(false);
  const auto give_up = std::chrono::steady_clock::now() + kLong;
  while (files_->is_open() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_FALSE(files_->is_open()) << "the writer that was left behind closes the file when it comes back";
  EXPECT_EQ(logger->stats().lines_written + logger->stats().lines_dropped, 10U);
}

TEST_F(ClosingTest, CountsTheLinesOfABatchThatIsWrittenInPart) {
  for (const std::size_t bytes : {0, 1, 100, 1000, 5000}) {
    files_ = std::make_shared<MemoryFiles>();
    files_->fail_writes(ENOSPC, bytes);
    const auto logger = open();
    say_many(*logger, 200);
    logger->close();
    const auto text = files_->all();
    const auto stats = logger->stats();
    EXPECT_EQ(stats.lines_written, static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
    EXPECT_EQ(stats.lines_written + stats.lines_dropped, 200U);
  }
}

TEST_F(ClosingTest, CountsEachLineOnceWhateverWasDroppedBefore) {
  for (const Policy policy : {Policy::kDropNewest, Policy::kDropOldest, Policy::kBlock}) {
    files_ = std::make_shared<MemoryFiles>();
    files_->freeze(true);
    queue_bytes_ = 4096;
    flush_timeout_ = Millis(5);
    const auto logger = open(policy, 4096);
    say_many(*logger, 300);
    files_->fail_writes(EIO, 3000);
    files_->freeze(false);
    std::thread([&] { say_many(*logger, 200); }).join();
    logger->close();
    const auto stats = logger->stats();
    EXPECT_EQ(stats.lines_written + stats.lines_dropped, 500U);
    EXPECT_NE(files_->told().find(" loses lines ("), std::string::npos);
  }
}

TEST_F(ClosingTest, ClosesTheFile) {
  const auto logger = open();
  say_many(*logger, 1);
  EXPECT_TRUE(logger->flush(kLong));
  EXPECT_TRUE(files_->is_open());
  flush_timeout_ = kLong;
  logger->close();
  EXPECT_FALSE(files_->is_open());
  EXPECT_EQ(files_->told(), "");
}

TEST_F(ClosingTest, ALineThatComesAfterIsCountedAndToldOnce) {
  flush_timeout_ = kLong;
  const auto logger = open();
  say_many(*logger, 2);
  logger->close();
  say_many(*logger, 3);
  EXPECT_EQ(logger->stats().lines_written, 2U);
  EXPECT_EQ(logger->stats().lines_dropped, 3U);
  EXPECT_EQ(files_->told(), "rocket-rpc: the log /logs/app loses lines: they are logged after it was closed\n");
}

TEST_F(ClosingTest, ManyThatHangEndWithinTheTimeOfOne) {
  flush_timeout_ = Millis(300);
  const auto time_of = [&](int count) {
    std::vector<std::shared_ptr<MemoryFiles>> all;
    std::vector<std::shared_ptr<Logger>> loggers;
    for (int i = 0; i < count; ++i) {
      files_ = all.emplace_back(std::make_shared<MemoryFiles>());
      files_->freeze(true);
      say_many(*loggers.emplace_back(open()), 1);
    }
    const auto began = std::chrono::steady_clock::now();
    close_together(loggers);
    const auto took = std::chrono::steady_clock::now() - began;
    for (const auto& files : all) files->freeze(false);
    return took;
  };
  const auto control = time_of(1);
  EXPECT_LT(time_of(10), 3 * control);
}

/// Flushes that nobody waits for in a thread of its own.
class FlushThenTest : public LoggerTest {
 protected:
  void flush(Logger& logger, Millis most, const std::string& name, bool sync = false) {
    logger.flush_then(most, sync, [this, name](bool flushed) {
      const std::lock_guard lock(mutex_);
      told_.push_back(name + (flushed ? " done" : " late"));
      changed_.notify_all();
    });
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLong, [&] { return told_.size() >= count; });
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;  // guarded by mutex_
};

TEST_F(FlushThenTest, AreToldWhenTheirLinesAreWritten) {
  const auto logger = open();
  say(*logger, "one");
  flush(*logger, kLong, "one");
  EXPECT_EQ(wait_for(1), std::vector<std::string>{"one done"});
  EXPECT_EQ(messages(), std::vector<std::string>{"one"});
  files_->fail_syncs(EIO);
  flush(*logger, kLong, "sync", true);
  EXPECT_EQ(wait_for(2).back(), "sync late");
  files_->fail_syncs(0);
  logger->close();
}

TEST_F(FlushThenTest, OfADiskThatHangsAreToldAllAtTheirTime) {
  files_->freeze(true);
  const auto logger = open();
  say(*logger, "stuck");
  flush(*logger, Millis(400), "the long one");
  for (int i = 0; i < 40; ++i) flush(*logger, Millis(100), "a short one");
  auto expected = std::vector<std::string>(40, "a short one late");
  expected.push_back("the long one late");
  EXPECT_EQ(wait_for(41), expected);
  files_->freeze(false);
  flush(*logger, kLong, "again");
  EXPECT_EQ(wait_for(42).back(), "again done");
  logger->close();
}

TEST_F(FlushThenTest, AreToldWhenTheLogEnds) {
  flush_timeout_ = Millis(50);
  files_->freeze(true);
  const auto logger = open();
  say(*logger, "stuck");
  flush(*logger, kLong, "before");
  logger->close();
  flush(*logger, kLong, "after");
  EXPECT_EQ(wait_for(2), (std::vector<std::string>{"before late", "after late"}));
  files_->freeze(false);
  files_ = std::make_shared<MemoryFiles>();
  flush_timeout_ = kLong;
  const auto healthy = open();
  say(*healthy, "one");
  healthy->close();
  flush(*healthy, kLong, "nothing was lost");
  EXPECT_EQ(wait_for(3).back(), "nothing was lost done");
}

TEST_F(FlushThenTest, RaceWithTheEnd) {
  for (int round = 0; round < 50; ++round) {
    const auto logger = open();
    std::thread closing([&] { logger->close(); });
    for (int i = 0; i < 5; ++i) flush(*logger, kLong, "one");
    closing.join();
    ASSERT_EQ(wait_for(static_cast<std::size_t>(5 * (round + 1))).size(), static_cast<std::size_t>(5 * (round + 1)));
  }
}

}  // namespace
}  // namespace rocket::log
