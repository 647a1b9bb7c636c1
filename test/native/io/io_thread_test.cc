#include "io/io_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "io/io_thread_group.h"
#include "support/monitor.h"
#include "support/on_io.h"

#include <asio/post.hpp>

namespace rocket::io {
namespace {

using test::Monitor;
using test::on_io;
using test::Signal;

class RunTask final : public IoTask {
 public:
  explicit RunTask(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

TEST(IoThread, KeepsTheOrderOfEachProducer) {
  IoThread io("test", 7);
  constexpr std::size_t kProducers = 4;
  constexpr std::size_t kTasks = 5000;
  std::vector<std::vector<std::size_t>> seen(kProducers);
  std::vector<std::thread> producers;
  for (std::size_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (std::size_t i = 0; i < kTasks; ++i) {
        if (i % 3 == 0) {
          io.post_lazily(std::make_unique<RunTask>([&seen, p, i] { seen[p].push_back(i); }));
        } else {
          io.post([&seen, p, i] { seen[p].push_back(i); });
        }
      }
    });
  }
  for (auto& producer : producers) producer.join();
  on_io(io, [] {});
  for (const auto& mine : seen) {
    ASSERT_EQ(mine.size(), kTasks);
    for (std::size_t i = 0; i < kTasks; ++i) ASSERT_EQ(mine[i], i);
  }
  EXPECT_EQ(io.index(), 7U);
  EXPECT_EQ(io.queued_tasks(), 0U);
}

TEST(IoThread, WakesUpForEachTaskHoweverTheyAreTimed) {
  IoThread io("test", 0);
  // One at a time, so that every post meets a thread that is just going to sleep; a lost wake-up would hang.
  for (int i = 0; i < 20'000; ++i) {
    std::atomic<bool> ran{false};
    io.post([&ran] { ran.store(true, std::memory_order_release); });
    const auto give_up = std::chrono::steady_clock::now() + test::kPatience;
    while (!ran.load(std::memory_order_acquire)) ASSERT_LT(std::chrono::steady_clock::now(), give_up) << i;
  }
}

TEST(IoThread, ATurnOfExpensiveHandlersEndsEarly) {
  IoThread io("test", 0);
  constexpr int kHandlers = 200;
  int ran = 0;
  int before_task = 0;
  on_io(io, [&] {
    for (int i = 0; i < kHandlers; ++i) {
      asio::post(io.context(), [&] {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
        while (std::chrono::steady_clock::now() < end) continue;
        if (++ran == 1) io.post([&] { before_task = ran; });
      });
    }
  });
  Signal all;
  on_io(io, [&] { asio::post(io.context(), [&] { all.set(); }); });
  ASSERT_TRUE(all.wait());
  EXPECT_GT(before_task, 0);
  EXPECT_LT(before_task, kHandlers / 4);
}

TEST(IoThread, ALazyTaskRunsAtTheNextWakeUp) {
  IoThread io("test", 0);
  on_io(io, [] {});
  std::atomic<bool> ran{false};
  io.post_lazily(std::make_unique<RunTask>([&] { ran = true; }));
  EXPECT_EQ(io.queued_tasks() > 0 || ran.load(), true);
  on_io(io, [&] { EXPECT_TRUE(ran.load()) << "it was posted before"; });
}

TEST(IoThread, ALazyTaskThatIsAwaitedNeedsNoOtherWakeUp) {
  IoThread io("test", 0);
  TasksAwaited first(io);
  TasksAwaited second(io);
  on_io(io, [&] {
    first.set(true);
    second.set(true);
    second.set(false);
  });
  // One at a time, so that each meets a thread that is just going to sleep.
  for (int i = 0; i < 20'000; ++i) {
    test::Signal ran;
    io.post_lazily(std::make_unique<RunTask>([&ran] { ran.set(); }));
    ASSERT_TRUE(ran.wait()) << i;
  }
  on_io(io, [&] { first.set(false); });
}

// The thread says that it waits just as it goes to sleep, while the task is queued: one of the two must see the other.
TEST(IoThread, ATaskQueuedWhileItBeginsToBeAwaitedIsRun) {
  IoThread io("test", 0);
  TasksAwaited awaited(io);
  for (int i = 0; i < 20'000; ++i) {
    test::Signal ran;
    io.post([&awaited] { awaited.set(true); });
    io.post_lazily(std::make_unique<RunTask>([&] {
      awaited.set(false);
      ran.set();
    }));
    ASSERT_TRUE(ran.wait()) << i;
  }
}

TEST(IoThread, KnowsItself) {
  IoThread io("test", 0);
  EXPECT_FALSE(io.on_this_thread());
  on_io(io, [&] { EXPECT_TRUE(io.on_this_thread()); });
}

TEST(IoThread, StopFinishesWhatWasPostedBefore) {
  for (int round = 0; round < 50; ++round) {
    int ran = 0;
    IoThread io("test", 0);
    for (int i = 0; i < 100; ++i) {
      if (i % 2 == 0) {
        io.post([&] { ++ran; });
      } else {
        io.post_lazily(std::make_unique<RunTask>([&] { ++ran; }));
      }
    }
    io.stop_and_join();
    EXPECT_EQ(ran, 100);
    io.stop_and_join();
  }
}

struct TestTimer : Timer {
  explicit TestTimer(std::function<void()> work)
      : Timer([](Timer& timer) { static_cast<TestTimer&>(timer).on_fire(); }), on_fire(std::move(work)) {}
  std::function<void()> on_fire;
};

TEST(IoThread, TimersFireInOrderAndNotEarly) {
  IoThread io("test", 0);
  std::vector<int> order;
  Signal last;
  SteadyMs started = 0;
  const auto note = [&](int after) {
    return [&, after] {
      EXPECT_GE(steady_now_ms(), started + after);
      order.push_back(after);
      if (after == 150) last.set();
    };
  };
  TestTimer a(note(100)), b(note(5)), c(note(150)), d(note(60));
  on_io(io, [&] {
    started = io.now();
    io.timers().arm(a, started + 100);
    io.timers().arm(b, started + 5);
    io.timers().arm(c, started + 150);
    io.timers().arm(d, started + 60);
  });
  ASSERT_TRUE(last.wait());
  EXPECT_EQ(order, (std::vector<int>{5, 60, 100, 150}));
}

TEST(IoThread, AnEarlierTimerArmedLaterIsNotMissed) {
  IoThread io("test", 0);
  Signal fired;
  TestTimer far([] {});
  TestTimer near([&] { fired.set(); });
  on_io(io, [&] { io.timers().arm(far, io.now() + 3'600'000); });
  on_io(io, [&] { io.timers().arm(near, io.now() + 10); });
  EXPECT_TRUE(fired.wait());
  on_io(io, [&] { io.timers().cancel(far); });
}

class CountEnds final : public TurnEnd {
 public:
  explicit CountEnds(std::function<void()> work) : work_(std::move(work)) {}
  void on_turn_end() override { work_(); }

 private:
  std::function<void()> work_;
};

TEST(IoThread, TurnEndsActOnceATurnAndMayScheduleMore) {
  IoThread io("test", 0);
  int first_ran = 0;
  int second_ran = 0;
  const auto second = std::make_shared<CountEnds>([&] { ++second_ran; });
  const auto first = std::make_shared<CountEnds>([&] {
    ++first_ran;
    io.at_turn_end(second);
  });
  on_io(io, [&] {
    for (int i = 0; i < 10; ++i) io.at_turn_end(first);
    EXPECT_EQ(first_ran, 0);
  });
  on_io(io, [&] {
    EXPECT_EQ(first_ran, 1);
    EXPECT_EQ(second_ran, 1);
  });
}

TEST(IoThreadGroup, StartsSubThreadsAsTheyAreAskedFor) {
  IoThreadGroup group;
  EXPECT_TRUE(group.running_sub_threads().empty());
  const auto two = group.sub_threads(2);
  const auto three = group.sub_threads(3);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(two[0], three[0]);
  EXPECT_EQ(two[1], three[1]);
  EXPECT_EQ(group.sub_threads(1).size(), 1U);
  EXPECT_EQ(group.sub_threads(0).size(), 1U) << "there is always one";
  EXPECT_EQ(group.running_sub_threads().size(), 3U);
  std::vector<int> ran(4);
  for (std::size_t i = 0; i < 3; ++i) three[i]->post([&ran, i] { ran[i] = 1; });
  group.main().post([&ran] { ran[3] = 1; });
  group.stop_and_join();
  EXPECT_EQ(ran, (std::vector<int>{1, 1, 1, 1}));
}

}  // namespace
}  // namespace rocket::io
