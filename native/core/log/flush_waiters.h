#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace rocket::log {

/// Flushes whose callers do not block a thread: each is notified once, by the thread that finds that its lines are
/// written, that its time is over, or that the log has ended. Any thread may call anything.
class FlushWaiters {
 public:
  /// Runs without a lock held, and must not block.
  using Done = std::function<void(bool flushed)>;

  void add(std::uint64_t ticket, bool sync, SteadyMs give_up, Done done);
  /// Everything up to `done` is written; the sync of the flushes up to `sync_failed` was not possible.
  void settle(std::uint64_t done, std::uint64_t sync_failed);
  /// True if some were notified because their time is over.
  bool expire(SteadyMs now);
  /// Nothing more will be written.
  void end();
  /// At most `most`, and no longer than until the next one must be notified.
  Millis until_next(SteadyMs now, Millis most) const;

 private:
  struct Waiter {
    std::uint64_t ticket;
    bool sync;
    SteadyMs give_up;
    Done done;
  };
  template <typename Which>
  std::vector<Waiter> take(Which which);

  mutable std::mutex mutex_;
  std::vector<Waiter> waiters_;  // guarded by mutex_
};

}  // namespace rocket::log
