#include "log/buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <string>
#include <thread>
#include <vector>

namespace rocket::log {
namespace {

constexpr std::size_t kHalf = 256;

/// As a thread that logs does; false when there is no room in either half.
bool put(Buffer& buffer, std::string_view line) {
  for (;;) {
    const auto room = buffer.enter();
    if (line.size() <= room.size()) {
      line.copy(room.data(), line.size());
      buffer.commit(line.size());
      buffer.leave();
      return true;
    }
    buffer.leave();
    if (!buffer.switch_halves()) return false;
  }
}

int fill(Buffer& buffer, int from) {
  int next = from;
  while (put(buffer, std::to_string(next) + "\n")) ++next;
  return next;
}

std::vector<int> numbers(std::string_view text) {
  std::vector<int> found;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    std::from_chars(text.data() + at, text.data() + text.size(), found.emplace_back());
  }
  return found;
}

TEST(BufferTest, AThreadFillsBothHalvesByItselfAndTheOlderIsGatheredFirst) {
  Buffer buffer(kHalf);
  const int end = fill(buffer, 0);
  bool more = false;
  ASSERT_EQ(buffer.turn(more), Buffer::Turn::kReady);
  EXPECT_TRUE(more);
  auto gathered = numbers(buffer.ready());
  EXPECT_FALSE(buffer.has_room_after(buffer.entered()));
  buffer.release();
  EXPECT_TRUE(buffer.has_room_after(buffer.entered()));
  const int second_end = fill(buffer, end);
  EXPECT_GT(second_end, end);
  while (buffer.turn(more) == Buffer::Turn::kReady) {
    for (const int number : numbers(buffer.ready())) gathered.push_back(number);
    buffer.release();
  }
  ASSERT_EQ(gathered.size(), static_cast<std::size_t>(second_end));
  for (int i = 0; i < second_end; ++i) EXPECT_EQ(gathered[static_cast<std::size_t>(i)], i);
}

TEST(BufferTest, LosesAndMixesNothingWhileBothSidesSwitchHalves) {
  constexpr int kLines = 20'000;
  Buffer buffer(kHalf);
  std::atomic<bool> written{false};
  std::thread writer([&] {
    for (int i = 0; i < kLines;) {
      if (put(buffer, std::to_string(i) + "\n"))
        ++i;
      else
        std::this_thread::yield();
    }
    written.store(true, std::memory_order_release);
  });
  std::vector<int> gathered;
  for (;;) {
    const bool was_written = written.load(std::memory_order_acquire);
    bool more = false;
    const auto turn = buffer.turn(more);
    if (turn == Buffer::Turn::kReady) {
      for (const int number : numbers(buffer.ready())) gathered.push_back(number);
      buffer.release();
    } else if (turn == Buffer::Turn::kEmpty && was_written) {
      break;
    } else {
      std::this_thread::yield();
    }
  }
  writer.join();
  ASSERT_EQ(gathered.size(), static_cast<std::size_t>(kLines));
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(gathered[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace rocket::log
