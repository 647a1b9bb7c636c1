#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "log/buffer.h"

namespace rocket::log {

/// The buffers of all threads that log.
///
/// The gatherer goes through a copy of the list, which it makes again when `changed_` says so: that is set under the
/// mutex by whoever changes the list, read without it, and cleared under it. A handler of a fatal signal sees
/// `visible_` instead: slots that are filled under the mutex and emptied before the buffer is freed, which only the
/// gatherer does.
class BufferRegistry {
 public:
  // any thread:
  std::shared_ptr<Buffer> add(std::size_t half_bytes);
  struct Totals {
    std::size_t buffers = 0;
    std::size_t memory_bytes = 0;
    /// Since the log was opened.
    std::uint64_t lines_dropped = 0;
    /// Not yet gathered.
    std::uint64_t lines_held = 0;
  };
  Totals totals() const;

  // the gatherer:
  void refresh();
  /// As of the last refresh().
  const std::vector<std::shared_ptr<Buffer>>& all() const { return snapshot_; }
  /// It is first in the next gathering.
  void put_first(const Buffer& buffer);
  /// Buffers that are empty and no longer written to.
  void forget(const std::vector<std::shared_ptr<Buffer>>& gone);
  /// Of all() and those that are forgotten.
  std::uint64_t lines_dropped() const;

  // a handler of a fatal signal:
  template <typename Visit>
  void for_each_visible(Visit visit) const noexcept {
    for (const auto& slot : visible_) {
      if (const Buffer* const buffer = slot.load(std::memory_order_acquire); buffer != nullptr) visit(*buffer);
    }
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Buffer>> registered_;  // guarded by mutex_
  std::atomic<bool> changed_{false};
  std::vector<std::shared_ptr<Buffer>> snapshot_;  // the gatherer's
  /// Written by the gatherer under mutex_.
  std::uint64_t dropped_of_gone_ = 0;
  /// Further threads lose their last lines in a crash.
  std::array<std::atomic<Buffer*>, 256> visible_{};
};

}  // namespace rocket::log
