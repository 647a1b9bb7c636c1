#include "discovery/service_cache.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace rocket::discovery {

ServiceCache& ServiceCache::shared() {
  static auto* cache = new ServiceCache;
  return *cache;
}

std::shared_ptr<const ServiceSnapshot> ServiceCache::find(std::string_view key) const {
  const Sought sought(key);
  const Bucket& bucket = buckets_[bucket_index(sought)];
  const Map* map = nullptr;
  std::atomic<std::int32_t>* readers = nullptr;
  {
    const std::lock_guard lock(bucket.lock);
    map = bucket.map.get();
    readers = &bucket.readers[bucket.turn];
    readers->fetch_add(1, std::memory_order_relaxed);
  }
  const auto found = map->find(sought);
  auto snapshot = found == map->end() ? nullptr : found->second;
  readers->fetch_sub(1, std::memory_order_release);
  return snapshot;
}

void ServiceCache::subscribe(const std::string& key, Subscriber& subscriber) {
  const std::lock_guard lock(mutex_);
  auto& subscribers = entries_[key].subscribers;
  subscribers.push_back(&subscriber);
  if (subscribers.size() == 1) subscriber.on_lead();
}

void ServiceCache::unsubscribe(const std::string& key, Subscriber& subscriber) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  auto& subscribers = found->second.subscribers;
  const auto at = std::find(subscribers.begin(), subscribers.end(), &subscriber);
  if (at == subscribers.end()) return;
  const bool led = at == subscribers.begin();
  subscribers.erase(at);
  if (subscribers.empty()) {
    entries_.erase(found);
    replace(key, nullptr);
  } else if (led) {
    subscribers.front()->on_lead();
  }
}

std::uint64_t ServiceCache::publish(const std::string& key, const Subscriber& subscriber, std::string text) {
  auto snapshot = std::make_shared<ServiceSnapshot>();
  snapshot->text = std::move(text);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.subscribers.front() != &subscriber) return 0;
  Entry& entry = found->second;
  const std::uint64_t version = ++entry.version;
  snapshot->version = version;
  entry.bytes = key.size() + snapshot->text.size();
  replace(key, std::move(snapshot));
  for (Subscriber* each : entry.subscribers) each->on_changed();
  return version;
}

void ServiceCache::replace(const std::string& key, std::shared_ptr<const ServiceSnapshot> snapshot) {
  Bucket& bucket = buckets_[bucket_index(Sought(key))];
  // Only writers change the pointer, and they take turns; so it can be read here without the lock.
  auto changed = std::make_unique<Map>(*bucket.map);
  if (snapshot) {
    (*changed)[key] = std::move(snapshot);
  } else {
    changed->erase(key);
  }
  std::unique_ptr<const Map> old = std::move(changed);
  std::uint8_t turn = 0;
  {
    const std::lock_guard lock(bucket.lock);
    bucket.map.swap(old);
    turn = std::exchange(bucket.turn, static_cast<std::uint8_t>(1 - bucket.turn));
  }
  // Nobody new comes, and a search is short; but who searches may have lost its core.
  while (bucket.readers[turn].load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

ServiceCache::Stats ServiceCache::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats;
  stats.keys = entries_.size();
  for (const auto& [key, entry] : entries_) {
    stats.subscriptions += entry.subscribers.size();
    stats.bytes += entry.bytes;
  }
  return stats;
}

}  // namespace rocket::discovery
