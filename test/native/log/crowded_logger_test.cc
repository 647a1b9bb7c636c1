#include <climits>
#include <map>
#include <thread>

#include "log/logger_fixture.h"

namespace rocket::log {
namespace {

/// Threads that go on logging, each `lines` lines of its message and then a short pause.
class Talkers {
 public:
  ~Talkers() { stop(); }
  void add(Logger& logger, std::string message, int lines) {
    threads_.emplace_back([this, &logger, lines, said = std::move(message)] {
      while (!enough_) {
        for (int i = 0; i < lines; ++i) say(logger, said);
        std::this_thread::sleep_for(Millis(1));
      }
    });
  }
  /// One thread after the other, each of which logs a line and ends.
  void add_short_lived(Logger& logger) {
    threads_.emplace_back([this, &logger] {
      while (!enough_) std::thread([&logger] { say(logger, "short"); }).join();
    });
  }
  void stop() {
    enough_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> enough_{false};
  std::vector<std::thread> threads_;
};

/// More is said than the disk takes. Flushes end all the same, and what was said before is there.
class CrowdedLoggerTest : public LoggerTest {
 protected:
  CrowdedLoggerTest() { files_->write_ms = 2; }
  void expect_flushes(Logger& logger) {
    for (int i = 0; i < 5; ++i) {
      const std::string mark = "mark " + std::to_string(i);
      say(logger, mark);
      ASSERT_TRUE(logger.flush(kLong));
      const auto all = messages();
      EXPECT_NE(std::find(all.begin(), all.end(), mark), all.end());
    }
  }
  std::map<std::string, int> lines() const {
    std::map<std::string, int> found;
    for (const auto& message : said_and_told().first) ++found[message];
    return found;
  }
};

TEST_F(CrowdedLoggerTest, NobodyStarves) {
  queue_bytes_ = 8192;
  const auto logger = open(Policy::kDropNewest, 4096);
  Talkers talkers;
  for (int t = 0; t < 12; ++t) talkers.add(*logger, "thread " + std::to_string(t), 100);
  while (logger->stats().buffers < 12) std::this_thread::sleep_for(Millis(1));
  talkers.add_short_lived(*logger);
  expect_flushes(*logger);
  talkers.stop();
  ASSERT_TRUE(logger->flush(kLong));
  auto found = lines();
  int fewest = INT_MAX;
  int most = 0;
  for (int t = 0; t < 12; ++t) {
    const int count = found["thread " + std::to_string(t)];
    fewest = std::min(fewest, count);
    most = std::max(most, count);
  }
  EXPECT_GT(fewest * 4, most);
  logger->close();
}

TEST_F(CrowdedLoggerTest, ThoseWhoSayLittleDoNotKeepOutThoseWhoSayMuch) {
  queue_bytes_ = 4096;
  const auto logger = open(Policy::kDropNewest, 4096);
  Talkers talkers;
  const std::string much(150, 'x');
  talkers.add(*logger, much, 40);
  for (int t = 0; t < 8; ++t) talkers.add(*logger, "little", 2);
  while (logger->stats().buffers < 9) std::this_thread::sleep_for(Millis(1));
  const int before = lines()[much];
  expect_flushes(*logger);
  talkers.stop();
  ASSERT_TRUE(logger->flush(kLong));
  // At least a half in each flush.
  EXPECT_GE(lines()[much] - before, 5 * 10);
  logger->close();
}

TEST_F(CrowdedLoggerTest, TheEndDoesNotWaitForThoseWhoGoOn) {
  flush_timeout_ = Millis(8000);
  queue_bytes_ = 8192;
  const auto logger = open(Policy::kDropNewest, 4096);
  Talkers talkers;
  for (int t = 0; t < 12; ++t) talkers.add(*logger, "line", 100);
  while (logger->stats().buffers < 12) std::this_thread::sleep_for(Millis(1));
  say(*logger, "mark");
  const auto began = std::chrono::steady_clock::now();
  logger->close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, flush_timeout_);
  EXPECT_EQ(lines()["mark"], 1);
  talkers.stop();
}

}  // namespace
}  // namespace rocket::log
