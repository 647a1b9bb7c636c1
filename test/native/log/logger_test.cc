#include "log/logger.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "log/crash.h"
#include "log/ending_signals.h"
#include "log/logger_fixture.h"

namespace rocket::log {
namespace {

TEST_F(LoggerTest, WritesWhatWasSaidInOrder) {
  const auto logger = open();
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) say(*logger, expected.emplace_back(std::to_string(i)));
  ASSERT_TRUE(logger->flush(kLong));
  EXPECT_EQ(messages(), expected);
  EXPECT_EQ(logger->stats().lines, 100U);
  logger->close();
  EXPECT_EQ(logger->stats().queued_bytes, 0U);  // given back after the flush is answered
}

TEST_F(LoggerTest, GathersByItselfAndAnErrorAtOnce) {
  gather_every_ = kLong;
  const auto logger = open();
  say(*logger, "quiet");
  std::this_thread::sleep_for(Millis(50));
  EXPECT_EQ(messages().size(), 0U);
  say(*logger, "loud", Level::kError);
  const auto give_up = std::chrono::steady_clock::now() + kLong;
  while (messages().size() < 2 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(messages(), (std::vector<std::string>{"quiet", "loud"}));
  logger->close();
}

TEST_F(LoggerTest, LeavesOutWhatIsUnderItsLevel) {
  const auto logger = open();
  logger->set_level(Level::kWarn);
  say(*logger, "no");
  say(*logger, "yes", Level::kWarn);
  logger->close();
  EXPECT_EQ(messages(), std::vector<std::string>{"yes"});
}

TEST_F(LoggerTest, ThreadsComeAndGoAndLoseNothing) {
  const auto logger = open(Policy::kBlock, 4096);
  constexpr int kWaves = 8;
  constexpr int kThreads = 4;
  constexpr int kLines = 300;
  for (int wave = 0; wave < kWaves; ++wave) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kLines; ++i) {
          say(*logger, std::to_string(wave * kThreads + t) + " " + std::to_string(i));
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  ASSERT_TRUE(logger->flush(kLong));
  std::map<int, int> next;
  for (const auto& message : messages()) {
    int thread = 0;
    int line = 0;
    std::istringstream(message) >> thread >> line;
    EXPECT_EQ(line, next[thread]++) << "of thread " << thread;
  }
  EXPECT_EQ(next.size(), static_cast<std::size_t>(kWaves * kThreads));
  for (const auto& [thread, count] : next) EXPECT_EQ(count, kLines) << "of thread " << thread;
  const auto give_up = std::chrono::steady_clock::now() + kLong;
  while (logger->stats().buffers > 0 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(logger->stats().buffers, 0U) << "threads that ended are forgotten";
  EXPECT_EQ(logger->stats().lines_dropped, 0U);
  logger->close();
}

TEST_F(LoggerTest, SeveralFlushesAtOnceEachSeeTheirOwnLines) {
  const auto logger = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string message = std::to_string(t) + "-" + std::to_string(i);
        say(*logger, message);
        ASSERT_TRUE(logger->flush(kLong));
        EXPECT_NE(files_->all().find("\t" + message + "\n"), std::string::npos);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(logger->flush(kLong, true));
  EXPECT_GE(files_->syncs.load(), 1);
  logger->close();
}

TEST_F(LoggerTest, AFlushThatSyncsIsNotForgottenForTheNext) {
  const auto logger = open();
  say(*logger, "first");
  // The writer is in a sync, and of these the first must not be taken for done with the last.
  files_->freeze_syncs(true);
  std::vector<std::thread> flushing;
  flushing.emplace_back([&] { EXPECT_TRUE(logger->flush(kLong, true)); });
  const auto give_up = std::chrono::steady_clock::now() + kLong;
  while (files_->all().empty() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    flushing.emplace_back([&, i] {
      const std::string message = std::to_string(i);
      say(*logger, message);
      EXPECT_TRUE(logger->flush(kLong, true));
      EXPECT_NE(files_->synced()["/logs/app_20261122_log.0"].find("\t" + message + "\n"), std::string::npos);
    });
  }
  files_->freeze_syncs(false);
  for (auto& thread : flushing) thread.join();
  logger->close();
}

TEST_F(LoggerTest, AFlushIsFalseWhenTheDiskDoesNotSync) {
  const auto logger = open();
  say(*logger, "first");
  files_->fail_syncs(EIO);
  EXPECT_FALSE(logger->flush(kLong, true));
  EXPECT_EQ(logger->stats().last_error, std::strerror(EIO));
  EXPECT_TRUE(logger->flush(kLong));
  files_->fail_syncs(0);
  EXPECT_TRUE(logger->flush(kLong, true));
  logger->close();
}

TEST_F(LoggerTest, AFlushSyncsFilesThatWereLeftToo) {
  const auto logger = open_rolling(100);
  for (int i = 0; i < 20; ++i) say(*logger, "before the first sync");
  EXPECT_TRUE(logger->flush(kLong));
  EXPECT_TRUE(files_->synced().empty()) << "nobody has asked for it";
  EXPECT_TRUE(logger->flush(kLong, true));
  EXPECT_EQ(files_->synced(), files_->contents());
  for (int i = 0; i < 20; ++i) say(*logger, "after it");
  EXPECT_TRUE(logger->flush(kLong, true));
  EXPECT_EQ(files_->synced(), files_->contents());
  files_->fail_syncs(EIO);
  for (int i = 0; i < 20; ++i) say(*logger, "left unsynced");
  EXPECT_TRUE(logger->flush(kLong));
  files_->fail_syncs(0);
  EXPECT_FALSE(logger->flush(kLong, true)) << "of a file that was left";
  logger->close();
}

TEST_F(LoggerTest, DropsTheNewestAndSaysHowMany) {
  gather_every_ = kLong;
  files_->freeze(true);
  queue_bytes_ = 4096;
  const auto logger = open(Policy::kDropNewest, 4096);
  for (int i = 0; i < 1000; ++i) say(*logger, std::to_string(i));
  const auto dropped = logger->stats().lines_dropped;
  EXPECT_GT(dropped, 0U);
  EXPECT_LT(dropped, 1000U);
  files_->freeze(false);
  ASSERT_TRUE(logger->flush(kLong));
  const auto [said, told] = said_and_told();
  EXPECT_EQ(said.front(), "0");
  EXPECT_EQ(said.size(), 1000 - dropped);
  EXPECT_EQ(told, dropped);
  logger->close();
}

TEST_F(LoggerTest, DropsTheOldestAndKeepsTheLast) {
  gather_every_ = kLong;
  files_->freeze(true);
  queue_bytes_ = 4096;
  const auto logger = open(Policy::kDropOldest, 4096);
  for (int i = 0; i < 1000; ++i) say(*logger, std::to_string(i));
  const auto dropped = logger->stats().lines_dropped;
  EXPECT_GT(dropped, 0U);
  files_->freeze(false);
  ASSERT_TRUE(logger->flush(kLong));
  const auto [said, told] = said_and_told();
  EXPECT_EQ(said.size(), 1000 - dropped);
  EXPECT_EQ(told, dropped);
  EXPECT_NE(std::find(said.begin(), said.end(), "999"), said.end());
  logger->close();
}

TEST_F(LoggerTest, BlocksNoLongerThanItMay) {
  flush_timeout_ = Millis(50);
  files_->freeze(true);
  queue_bytes_ = 4096;
  const auto logger = open(Policy::kBlock, 4096);
  const auto began = std::chrono::steady_clock::now();
  while (logger->stats().lines_dropped == 0) say(*logger, "x");
  EXPECT_LT(std::chrono::steady_clock::now() - began, Millis(10'000));
  files_->freeze(false);
  logger->close();
}

TEST_F(LoggerTest, TheQueueIsBoundedWhileTheDiskIsStuck) {
  files_->freeze(true);
  queue_bytes_ = 4096;
  const auto logger = open(Policy::kDropNewest, 4096);
  while (logger->stats().lines_dropped == 0) say(*logger, "x");
  for (int i = 0; i < 200; ++i) {
    say(*logger, "x");
    logger->flush(Millis(2));
  }
  EXPECT_LE(logger->stats().queued_bytes, 2U * 4096U);
  files_->freeze(false);
  ASSERT_TRUE(logger->flush(kLong));
  const auto all = messages();
  const auto notes = std::count_if(all.begin(), all.end(), [](const std::string& message) {
    return message.find(" lines were dropped") != std::string::npos;
  });
  EXPECT_LE(notes, 5);
  EXPECT_EQ(said_and_told().second, logger->stats().lines_dropped);
  logger->close();
}

class FailingWritesTest : public LoggerTest, public testing::WithParamInterface<int> {};

TEST_P(FailingWritesTest, LoseNothingAndWritingResumes) {
  const auto logger = open();
  say(*logger, "first");
  ASSERT_TRUE(logger->flush(kLong));
  files_->fail_writes(GetParam(), 5);
  say(*logger, "second");
  EXPECT_FALSE(logger->flush(Millis(50)));
  EXPECT_GE(logger->stats().write_errors, 1U);
  EXPECT_EQ(logger->stats().last_error, std::strerror(GetParam()));
  say(*logger, "third");
  files_->fail_writes(0);
  ASSERT_TRUE(logger->flush(kLong));
  EXPECT_EQ(messages(), (std::vector<std::string>{"first", "second", "third"}));
  logger->close();
}

INSTANTIATE_TEST_SUITE_P(Errors, FailingWritesTest, testing::Values(ENOSPC, EIO, EDQUOT));

TEST_F(LoggerTest, AFolderThatCannotBeMadeIsTriedAgain) {
  files_->fail_opens(EACCES);
  const auto logger = open();
  say(*logger, "kept");
  EXPECT_FALSE(logger->flush(Millis(50)));
  files_->fail_opens(0);
  EXPECT_TRUE(logger->flush(kLong));
  EXPECT_EQ(messages(), std::vector<std::string>{"kept"});
  logger->close();
}

TEST_F(LoggerTest, TheEndDoesNotWaitForADiskThatHangs) {
  flush_timeout_ = Millis(50);
  files_->freeze(true);
  const auto logger = open();
  say(*logger, "stuck");
  const auto began = std::chrono::steady_clock::now();
  logger->close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, Millis(5000));
  files_->freeze(false);
  // The thread that was left behind holds the files until it ends.
  const auto give_up = std::chrono::steady_clock::now() + kLong;
  while (logger.use_count() > 1 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(logger.use_count(), 1);
}

TEST_F(LoggerTest, ALineLongerThanABufferIsCut) {
  const auto logger = open(Policy::kBlock, 4096);
  say(*logger, std::string(100'000, 'x'));
  say(*logger, "after");
  logger->close();
  const auto said = messages();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_TRUE(said[0].ends_with(kCutMark));
  EXPECT_LT(said[0].size(), 4096U);
  EXPECT_EQ(said[1], "after");
}

TEST_F(LoggerTest, WhatATerminatedThreadHadNotFinishedIsLeftOut) {
  const auto logger = open();
  const auto buffer = logger->add_buffer();
  const auto put = [&](std::string_view text) {
    const auto room = buffer->enter();
    std::copy(text.begin(), text.end(), room.begin());
  };
  put("\twhole\n");
  buffer->commit(7);
  buffer->leave();
  put("\thalf a li");  // and never leaves
  buffer->set_gone();
  ASSERT_TRUE(logger->flush(kLong));
  EXPECT_EQ(messages(), std::vector<std::string>{"whole"});
  logger->close();
}

TEST_F(LoggerTest, RollsWhileOthersWrite) {
  LoggerOptions options;
  options.output = {.folder = "/logs", .name = "app", .fd = 1, .max_file_bytes = 2000, .max_files = 0};
  options.policy = Policy::kBlock;
  options.buffer_bytes = 4096;
  options.gather_every = Millis(5);
  options.flush_timeout = kLong;
  const auto logger = Logger::open(options, files_);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        say(*logger, "line");
        if (i % 100 == 0) logger->reopen();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  logger->close();
  EXPECT_EQ(messages().size(), 1500U);
  for (const auto& [path, text] : files_->contents()) EXPECT_LE(text.size(), 2000U) << path;
  EXPECT_EQ(logger->take_rolled().size(), files_->contents().size() - 1);
}

/// Dies by `signal` with two lines unwritten; by SIGALRM if it does not die of that.
[[noreturn]] void die_with_lines_unwritten(int fd, int signal) {
  alarm(20);
  LoggerOptions options;
  options.output.fd = fd;
  options.gather_every = kLong;
  options.flush_timeout = Millis(200);
  const auto logger = Logger::open(options, std::make_shared<SystemFiles>());
  save_from_crashes(logger, nullptr);
  save_from_signals(*logger);
  Line line;
  line.message = "last words";
  logger->write(line);
  std::thread([&] { logger->write(line); }).join();
  raise(signal);
  for (;;) pause();
}

class LoggerDeathTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_P(LoggerDeathTest, WritesWhatIsLeftAndThenTakesItsCourse) {
  const std::string path = testing::TempDir() + "rocket-death.log";
  const auto die = [&] {
    die_with_lines_unwritten(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), GetParam());
  };
  EXPECT_EXIT(die(), testing::KilledBySignal(GetParam()), "");
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_NE(text.find("\tlast words\n"), std::string::npos);
  unlink(path.c_str());
}

/// The end that is written to.
int full_blocking_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_NONBLOCK), 0);
  const std::string page(4096, 'x');
  while (::write(ends[1], page.data(), page.size()) > 0) continue;
  fcntl(ends[1], F_SETFL, 0);
  return ends[1];
}

TEST_P(LoggerDeathTest, DoesNotWaitForWhoeverShouldReadAPipe) {
  EXPECT_EXIT(die_with_lines_unwritten(full_blocking_pipe(), GetParam()), testing::KilledBySignal(GetParam()), "");
}

INSTANTIATE_TEST_SUITE_P(Signals, LoggerDeathTest, testing::Values(SIGABRT, SIGTERM, SIGINT));

}  // namespace
}  // namespace rocket::log
