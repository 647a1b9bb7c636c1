#include "discovery/service_cache.h"

#include <algorithm>
#include <utility>

namespace rocket::discovery {

ServiceCache& ServiceCache::shared() {
  static auto* cache = new ServiceCache;
  return *cache;
}

std::shared_ptr<const ServiceSnapshot> ServiceCache::find(std::string_view key) const {
  const Sought sought(key);
  const Bucket& bucket = buckets_[bucket_index(sought)];
  std::shared_ptr<const Map> map;
  {
    const std::lock_guard lock(bucket.lock);
    map = bucket.map;
  }
  const auto found = map->find(sought);
  return found == map->end() ? nullptr : found->second;
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
  auto changed = std::make_shared<Map>(*bucket.map);
  if (snapshot) {
    (*changed)[key] = std::move(snapshot);
  } else {
    changed->erase(key);
  }
  std::shared_ptr<const Map> map = std::move(changed);
  const std::lock_guard lock(bucket.lock);
  bucket.map.swap(map);
  // `map`, declared before the lock, is let go of after it: memory is never freed under the lock.
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
