#include "rpc/call_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace rocket::rpc {
namespace {

TEST(CallCounts, SumTheSharesOfAllThreads) {
  CallCounts counts(2);
  counts.share(0).begin();
  counts.share(1).begin();
  counts.share(1).begin();
  EXPECT_EQ(counts.begun(), 3U);
  EXPECT_EQ(counts.in_flight(), 3);
  counts.share(1).end();
  EXPECT_EQ(counts.begun(), 3U);
  EXPECT_EQ(counts.in_flight(), 2);
}

TEST(CallCounts, TakeACallBackThatWasRefused) {
  CallCounts counts(1);
  counts.share(0).begin();
  counts.share(0).take_back();
  EXPECT_EQ(counts.begun(), 0U);
  EXPECT_EQ(counts.in_flight(), 0);
}

TEST(CallCounts, CountACallOutThatJavaScriptHasAnswered) {
  CallCounts counts(1);
  counts.share(0).begin();
  counts.count_out();
  EXPECT_EQ(counts.in_flight(), 0);
  counts.count_in();
  EXPECT_EQ(counts.in_flight(), 1);
}

TEST(CallCounts, HaveRoomForTheThreadsThereCanBe) {
  CallCounts none(0);
  none.share(0).begin();
  EXPECT_EQ(none.in_flight(), 1);
  CallCounts many(1'000'000);
  many.share(io::IoThreadGroup::kMaxSubThreads - 1).begin();
  EXPECT_EQ(many.in_flight(), 1);
}

TEST(CallCounts, AreNeverTooLowForAnotherThread) {
  constexpr int kCalls = 200'000;
  CallCounts counts(2);
  counts.share(0).begin();  // runs all the time
  std::vector<std::thread> threads;
  for (std::uint32_t at = 0; at < 2; ++at) {
    threads.emplace_back([&counts, at] {
      for (int i = 0; i < kCalls; ++i) {
        counts.share(at).begin();
        if (i % 2 == 0) {
          counts.share(at).end();
        } else {
          counts.count_out();
        }
      }
    });
  }
  std::int64_t least = 1;
  while (counts.begun() < 2 * kCalls + 1) least = std::min(least, counts.in_flight());
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(least, 1);
  EXPECT_EQ(counts.in_flight(), 1);
}

}  // namespace
}  // namespace rocket::rpc
