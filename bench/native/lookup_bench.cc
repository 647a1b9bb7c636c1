// Lookups in the table of services by many threads at once, against one mutex and one shared mutex around one map.
// rocket_lookup_bench [rounds] [milliseconds] [threads]: one JSON object, lookups a second of each round.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "discovery/service_cache.h"

namespace {

using rocket::discovery::ServiceCache;
using rocket::discovery::ServiceSnapshot;
using Snapshot = std::shared_ptr<const ServiceSnapshot>;

constexpr int kNames = 200;
constexpr auto kChangeEvery = std::chrono::milliseconds(5);

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// What is compared: the table, and one map under one lock of the given kind.
class CacheTable final : rocket::discovery::Subscriber {
 public:
  explicit CacheTable(const std::vector<std::string>& names) : names_(names) {
    for (const auto& name : names_) {
      cache_.subscribe(name, *this);
      change(name);
    }
  }
  ~CacheTable() override {
    for (const auto& name : names_) cache_.unsubscribe(name, *this);
  }
  void change(const std::string& name) { cache_.publish(name, *this, name); }
  Snapshot find(std::string_view name) const { return cache_.find(name); }

 private:
  void on_changed() override {}
  void on_lead() override {}
  const std::vector<std::string>& names_;
  ServiceCache cache_;
};

template <class Mutex, class ReadLock>
class LockedTable {
 public:
  explicit LockedTable(const std::vector<std::string>& names) {
    for (const auto& name : names) change(name);
  }
  void change(const std::string& name) {
    auto snapshot = std::make_shared<ServiceSnapshot>();
    snapshot->text = name;
    const std::lock_guard lock(mutex_);
    map_[name] = std::move(snapshot);
  }
  Snapshot find(std::string_view name) const {
    const ReadLock lock(mutex_);
    const auto found = map_.find(name);
    return found == map_.end() ? nullptr : found->second;
  }

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::string, Snapshot, Hash, std::equal_to<>> map_;
};

template <class Table>
double lookups_per_second(const std::vector<std::string>& names, int threads, std::chrono::milliseconds length) {
  Table table(names);
  std::atomic<bool> go{false};
  std::atomic<bool> done{false};
  std::atomic<long> total{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < threads; ++reader) {
    readers.emplace_back([&, reader] {
      while (!go.load()) std::this_thread::yield();
      long lookups = 0;
      long found = 0;
      for (std::size_t i = static_cast<std::size_t>(reader) * 31; !done.load(std::memory_order_relaxed); ++i, ++lookups)
        found += table.find(names[i % kNames]) != nullptr;
      if (found != lookups) std::abort();
      total += lookups;
    });
  }
  // On a thread of its own: glibc's shared mutex lets readers pass a writer that waits, for ever if there are enough.
  std::thread writer([&] {
    for (std::size_t i = 0; !done.load(); ++i) {
      std::this_thread::sleep_for(kChangeEvery);
      table.change(names[i % kNames]);
    }
  });
  const auto begin = std::chrono::steady_clock::now();
  go = true;
  std::this_thread::sleep_for(length);
  done = true;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  for (auto& reader : readers) reader.join();
  writer.join();
  return static_cast<double>(total) / took.count();
}

int argument(int argc, char** argv, int index, int fallback) {
  return argc > index ? std::max(1, std::atoi(argv[index])) : fallback;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argument(argc, argv, 1, 5);
  const std::chrono::milliseconds length(argument(argc, argv, 2, 300));
  const int threads = argument(argc, argv, 3, 8);
  std::vector<std::string> names;
  for (int i = 0; i < kNames; ++i) names.push_back("shop.v1.Service" + std::to_string(i));
  using Mutex = LockedTable<std::mutex, std::lock_guard<std::mutex>>;
  using Shared = LockedTable<std::shared_mutex, std::shared_lock<std::shared_mutex>>;
  std::printf("{\"threads\":%d,\"rounds\":[", threads);
  for (int round = 0; round < rounds; ++round) {
    const double cache = lookups_per_second<CacheTable>(names, threads, length);
    const double mutex = lookups_per_second<Mutex>(names, threads, length);
    const double shared = lookups_per_second<Shared>(names, threads, length);
    std::printf("%s{\"cache\":%.0f,\"mutex\":%.0f,\"sharedMutex\":%.0f}", round == 0 ? "" : ",", cache, mutex, shared);
    std::fflush(stdout);
  }
  std::printf("]}\n");
}
