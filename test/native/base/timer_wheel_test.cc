#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

namespace rocket {
namespace {

struct TestTimer : Timer {
  TestTimer() : Timer([](Timer& timer) { static_cast<TestTimer&>(timer).on_fire(); }) {}
  std::function<void()> on_fire = [] {};
};

TEST(TimerWheel, FiresAtItsTimeAndNeverBefore) {
  for (const SteadyMs after : {1, 2, 63, 64, 65, 4095, 4096, 4097, 262'143, 262'144, 300'000}) {
    TimerWheel wheel(1000);
    TestTimer timer;
    bool fired = false;
    timer.on_fire = [&] { fired = true; };
    wheel.arm(timer, 1000 + after);
    wheel.advance(1000 + after - 1);
    EXPECT_FALSE(fired) << after;
    wheel.advance(1000 + after);
    EXPECT_TRUE(fired) << after;
    EXPECT_FALSE(timer.armed());
    EXPECT_EQ(wheel.armed_count(), 0U);
    EXPECT_EQ(wheel.next_event(), std::nullopt);
  }
}

TEST(TimerWheel, ATimeThatHasPassedFiresAtTheNextTick) {
  TimerWheel wheel(1000);
  TestTimer timer;
  int fired = 0;
  timer.on_fire = [&] { ++fired; };
  for (const SteadyMs at : {SteadyMs{1000}, SteadyMs{5}, SteadyMs{-1}, INT64_MIN}) {
    wheel.arm(timer, at);
    EXPECT_TRUE(wheel.next_event().has_value());
  }
  wheel.advance(1001);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, FarDeadlines) {
  constexpr SteadyMs kStart = 5'000'000'000;  // two months after boot
  constexpr SteadyMs kYear = SteadyMs{365} * 24 * 3600 * 1000;
  for (const SteadyMs at : {kStart + kYear, kStart + 30 * kYear, kStart + (SteadyMs{1} << 41) + 12'345}) {
    TimerWheel wheel(kStart);
    TestTimer timer;
    bool fired = false;
    timer.on_fire = [&] { fired = true; };
    wheel.arm(timer, at);
    // From event to event, as an io thread does; the last look is one tick before it is due.
    for (auto next = wheel.next_event(); next && *next < at; next = wheel.next_event()) {
      wheel.advance(*next);
      ASSERT_FALSE(fired);
    }
    wheel.advance(at - 1);
    EXPECT_FALSE(fired);
    wheel.advance(at);
    EXPECT_TRUE(fired);
  }
}

TEST(TimerWheel, TheFarthestDeadlineIsNever) {
  TimerWheel wheel(1'000'000'000);
  TestTimer timer;
  timer.on_fire = [] { FAIL() << "fired"; };
  wheel.arm(timer, INT64_MAX);
  EXPECT_TRUE(wheel.next_event().has_value());
  wheel.advance(1'000'000'000'000);
  EXPECT_EQ(wheel.armed_count(), 1U);
  wheel.cancel(timer);
}

TEST(TimerWheel, CallbacksMayArmAndCancelAnyTimer) {
  TimerWheel wheel(0);
  TestTimer periodic;
  TestTimer victim;
  TestTimer spawned;
  int fired = 0;
  bool victim_fired = false;
  bool spawned_fired = false;
  victim.on_fire = [&] { victim_fired = true; };
  spawned.on_fire = [&] { spawned_fired = true; };
  periodic.on_fire = [&] {
    if (++fired < 5) wheel.arm(periodic, fired * 10 + 10);
    wheel.cancel(victim);  // due at the same tick, behind this one
    wheel.arm(spawned, 12);
  };
  wheel.arm(periodic, 10);
  wheel.arm(victim, 10);
  wheel.advance(11);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(victim_fired);
  EXPECT_FALSE(spawned_fired);
  wheel.advance(1000);
  EXPECT_EQ(fired, 5);
  EXPECT_TRUE(spawned_fired);
  EXPECT_EQ(wheel.armed_count(), 0U);
}

TEST(TimerWheel, ReArmingATimerOfTheFiringTickMovesIt) {
  TimerWheel wheel(0);
  TestTimer first;
  TestTimer second;
  std::vector<int> order;
  first.on_fire = [&] {
    order.push_back(1);
    wheel.arm(second, 500);
  };
  second.on_fire = [&] { order.push_back(2); };
  wheel.arm(first, 70);
  wheel.arm(second, 70);
  wheel.advance(499);
  EXPECT_EQ(order, (std::vector<int>{1}));
  wheel.advance(500);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

/// The wheel and what it has to behave like.
class WheelModel {
 public:
  explicit WheelModel(std::uint32_t seed) : random_(seed), now_(random_() % 1'000'000'000), wheel_(now_) {
    for (std::size_t i = 0; i < kTimers; ++i) {
      timers_.emplace_back();
      timers_.back().on_fire = [this, i] { on_fire(i); };
    }
  }
  ~WheelModel() {
    for (auto& timer : timers_) wheel_.cancel(timer);
  }

  void step() {
    switch (random_() % 4) {
      case 0:
      case 1: arm(random_() % kTimers); break;
      case 2: cancel(random_() % kTimers); break;
      case 3: advance(); break;
    }
    ASSERT_EQ(wheel_.armed_count(), model_.size());
    const auto next = wheel_.next_event();
    ASSERT_EQ(next.has_value(), !model_.empty());
    if (next) {
      ASSERT_LE(*next, std::max(model_.begin()->first, now_ + 1));
      ASSERT_GT(*next, now_);
    }
  }

 private:
  static constexpr std::size_t kTimers = 200;

  SteadyMs some_time() {
    const int bits = static_cast<int>(random_() % 30);
    const auto distance = static_cast<SteadyMs>(random_() & ((1u << bits) - 1));
    return now_ + distance - (random_() % 16 == 0 ? 100 : 0);
  }
  void forget(std::size_t i) {
    for (auto at = model_.begin(); at != model_.end(); ++at) {
      if (at->second == i) {
        model_.erase(at);
        return;
      }
    }
  }
  void arm(std::size_t i) {
    forget(i);
    const SteadyMs at = some_time();
    wheel_.arm(timers_[i], at);
    model_.emplace(at, i);
  }
  void cancel(std::size_t i) {
    forget(i);
    wheel_.cancel(timers_[i]);
  }
  void advance() {
    const int bits = static_cast<int>(random_() % 24);
    const SteadyMs to = now_ + (random_() & ((1u << bits) - 1));
    advancing_to_ = to;
    wheel_.advance(to);
    now_ = to;
    // A time that had passed when it was armed waits for the next tick.
    while (!model_.empty() && model_.begin()->first <= now_) {
      ASSERT_GE(model_.begin()->first + 101, now_) << "not fired in time";
      ASSERT_TRUE(timers_[model_.begin()->second].armed());
      wheel_.advance(++now_);
    }
  }
  void on_fire(std::size_t i) {
    ASSERT_LE(timers_[i].expires_at, advancing_to_ + 101) << "fired early";
    const auto range = model_.equal_range(timers_[i].expires_at);
    const auto found = std::find_if(range.first, range.second, [i](const auto& entry) { return entry.second == i; });
    ASSERT_NE(found, range.second);
    model_.erase(found);
    if (random_() % 8 == 0) cancel(random_() % kTimers);
    if (random_() % 8 == 0) {
      const std::size_t other = random_() % kTimers;
      forget(other);
      // Behind everything the running advance() reaches, so that the model knows when it fires.
      const SteadyMs at = advancing_to_ + 200 + static_cast<SteadyMs>(random_() % 100'000);
      wheel_.arm(timers_[other], at);
      model_.emplace(at, other);
    }
  }

  std::mt19937 random_;
  SteadyMs now_;
  SteadyMs advancing_to_ = 0;
  TimerWheel wheel_;
  std::deque<TestTimer> timers_;
  std::multimap<SteadyMs, std::size_t> model_;
};

TEST(TimerWheel, BehavesLikeASortedMap) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    WheelModel model(seed);
    for (int step = 0; step < 2000; ++step) {
      model.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace rocket
