#include "discovery/service_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rocket::discovery {
namespace {

struct Counting final : Subscriber {
  void on_changed() override { ++changes; }
  void on_lead() override { ++leads; }
  std::atomic<int> changes{0};
  std::atomic<int> leads{0};
};

TEST(SpinLock, LetsOneInAtATime) {
  SpinLock lock;
  int counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const std::lock_guard guard(lock);
        ++counter;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 80'000);
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
}

TEST(ServiceCache, GivesWhatTheLeaderPublishes) {
  ServiceCache cache;
  Counting first;
  Counting second;
  EXPECT_EQ(cache.find("Order"), nullptr);
  cache.subscribe("Order", first);
  cache.subscribe("Order", second);
  EXPECT_EQ(first.leads, 1);
  EXPECT_EQ(second.leads, 0);
  EXPECT_EQ(cache.publish("Order", second, "nonsense"), 0U);
  EXPECT_EQ(cache.find("Order"), nullptr);
  EXPECT_EQ(cache.publish("Order", first, "a"), 1U);
  EXPECT_EQ(cache.publish("Order", first, "b"), 2U);
  ASSERT_NE(cache.find("Order"), nullptr);
  EXPECT_EQ(cache.find("Order")->text, "b");
  EXPECT_EQ(cache.find("Order")->version, 2U);
  EXPECT_EQ(cache.find("OrderAdmin"), nullptr);
  EXPECT_EQ(first.changes, 2);
  EXPECT_EQ(second.changes, 2);
  cache.unsubscribe("Order", first);
  cache.unsubscribe("Order", second);
}

TEST(ServiceCache, PassesTheLeadOnAndForgetsWithTheLast) {
  ServiceCache cache;
  Counting first;
  Counting second;
  Counting third;
  for (Counting* each : {&first, &second, &third}) cache.subscribe("Order", *each);
  cache.publish("Order", first, "a");
  cache.unsubscribe("Order", first);
  EXPECT_EQ(second.leads, 1);
  EXPECT_EQ(third.leads, 0);
  EXPECT_EQ(cache.find("Order")->text, "a");
  EXPECT_EQ(cache.publish("Order", first, "late"), 0U);
  EXPECT_EQ(cache.publish("Order", second, "b"), 2U);
  cache.unsubscribe("Order", third);
  EXPECT_EQ(cache.stats().keys, 1U);
  EXPECT_EQ(cache.stats().subscriptions, 1U);
  EXPECT_EQ(cache.stats().bytes, 6U);
  cache.unsubscribe("Order", second);
  cache.unsubscribe("Order", second);
  EXPECT_EQ(cache.find("Order"), nullptr);
  EXPECT_EQ(cache.stats().keys, 0U);
  EXPECT_EQ(cache.stats().bytes, 0U);
}

/// Eight threads look 200 names up while a writer changes them 1,000 times.
TEST(ServiceCache, IsNeverSeenHalfChanged) {
  constexpr int kNames = 200;
  constexpr int kChanges = 1000;
  ServiceCache cache;
  Counting writer;
  std::vector<std::string> names;
  for (int i = 0; i < kNames; ++i) {
    names.push_back("service-" + std::to_string(i));
    cache.subscribe(names.back(), writer);
    cache.publish(names.back(), writer, names.back() + "@1");
  }
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 8; ++reader) {
    readers.emplace_back([&, reader] {
      std::vector<std::uint64_t> seen(kNames, 0);
      for (int i = reader; !done.load(std::memory_order_relaxed); ++i) {
        const auto index = static_cast<std::size_t>(i % kNames);
        const auto snapshot = cache.find(names[index]);
        const bool right = snapshot && snapshot->version >= seen[index] &&
                           snapshot->text == names[index] + "@" + std::to_string(snapshot->version);
        if (!right) ++wrong;
        if (snapshot) seen[index] = snapshot->version;
      }
    });
  }
  for (int i = 0; i < kChanges; ++i) {
    const auto& name = names[static_cast<std::size_t>(i * 7 % kNames)];
    const auto next = cache.find(name)->version + 1;
    EXPECT_EQ(cache.publish(name, writer, name + "@" + std::to_string(next)), next);
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  for (const auto& name : names) cache.unsubscribe(name, writer);
  EXPECT_EQ(cache.stats().keys, 0U);
}

/// Subscribers of one key come and go on eight threads: at each moment exactly one of them leads.
TEST(ServiceCache, HasOneLeaderAtATime) {
  struct Leading final : Subscriber {
    void on_changed() override {}
    void on_lead() override { leads = true; }
    std::atomic<bool> leads{false};
  };
  ServiceCache cache;
  std::atomic<int> taken{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 300; ++k) {
        Leading subscriber;
        cache.subscribe("Order", subscriber);
        const bool leads = subscriber.leads;
        const bool published = cache.publish("Order", subscriber, "x") != 0;
        if (leads && !published) ++refused;
        if (published) ++taken;
        cache.unsubscribe("Order", subscriber);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_GT(taken, 0);
  EXPECT_EQ(cache.stats().keys, 0U);
}

}  // namespace
}  // namespace rocket::discovery
