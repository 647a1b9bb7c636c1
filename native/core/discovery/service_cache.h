#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/spin_lock.h"

namespace rocket::discovery {

/// The known instances of a service; immutable once it is in the table.
struct ServiceSnapshot {
  std::uint64_t version = 0;  ///< counts from 1 while the service has subscribers
  std::string text;
};

/// A subscriber to one service. Both methods may be called on any thread, under the table's mutex: they must return at
/// once and must not call back.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  virtual void on_changed() = 0;
  /// From now on this subscriber watches the service and publishes snapshots.
  virtual void on_lead() = 0;
};

/// The table of services that all threads of the process share.
///
/// Reading: eight buckets by hash of the key, each an immutable map behind a pointer; the spin lock of a bucket covers
/// the copy of that pointer, counted, and nothing else. Writing is rare and goes through one mutex: a writer copies the
/// map, changes the copy, swaps the pointer, and frees the old map once nobody searches it any more.
///
/// The first subscriber of a key leads: only its snapshots are accepted. When it unsubscribes, the next one leads, and
/// the last snapshot stays. When the last one unsubscribes, the key is removed.
class ServiceCache {
 public:
  static constexpr std::size_t kBuckets = 8;

  /// The table of this process. On the heap and never freed, because worker threads may outlive static objects.
  static ServiceCache& shared();

  // any thread:
  /// Null for a key that was never published.
  std::shared_ptr<const ServiceSnapshot> find(std::string_view key) const;
  /// `subscriber` must outlive the subscription.
  void subscribe(const std::string& key, Subscriber& subscriber);
  /// After it has returned, `subscriber` is not called any more.
  void unsubscribe(const std::string& key, Subscriber& subscriber);
  /// The new version; 0, and nothing is changed, if `subscriber` does not lead.
  std::uint64_t publish(const std::string& key, const Subscriber& subscriber, std::string text);

  struct Stats {
    std::size_t keys = 0;
    std::size_t subscriptions = 0;
    std::size_t bytes = 0;
  };
  Stats stats() const;

 private:
  /// A key to look up, with its hash, which is needed twice: for its bucket, and in the bucket's map.
  struct Sought {
    explicit Sought(std::string_view key) : text(key), hash(std::hash<std::string_view>{}(key)) {}
    std::string_view text;
    std::size_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const std::string& key) const { return std::hash<std::string_view>{}(key); }
    std::size_t operator()(const Sought& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::string& a, const std::string& b) const { return a == b; }
    bool operator()(const Sought& a, const std::string& b) const { return a.text == b; }
    bool operator()(const std::string& a, const Sought& b) const { return a == b.text; }
  };
  using Map = std::unordered_map<std::string, std::shared_ptr<const ServiceSnapshot>, Hash, Equal>;
  /// Each on its own cache line: threads at different buckets do not contend, and a lookup uses no other line that all
  /// its readers write to (the count of a shared_ptr would be one).
  struct alignas(64) Bucket {
    mutable SpinLock lock;
    std::uint8_t turn = 0;                                           // guarded by lock; changes with map
    std::unique_ptr<const Map> map = std::make_unique<const Map>();  // guarded by lock
    /// The readers of the current map, and of the previous one.
    mutable std::array<std::atomic<std::int32_t>, 2> readers{};
  };
  struct Entry {
    std::uint64_t version = 0;
    std::size_t bytes = 0;
    std::vector<Subscriber*> subscribers;  // the first subscriber leads
  };

  static std::size_t bucket_index(const Sought& key) { return key.hash % kBuckets; }
  /// Called under mutex_. Null removes the key.
  void replace(const std::string& key, std::shared_ptr<const ServiceSnapshot> snapshot);

  std::array<Bucket, kBuckets> buckets_;
  mutable std::mutex mutex_;  // guards entries_, and serialises the writers of buckets_
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace rocket::discovery
