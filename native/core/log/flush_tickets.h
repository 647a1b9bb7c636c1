#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "log/flush_waiters.h"
#include "log/handshakes.h"

namespace rocket::log {

/// Which flushes are done, and the callers waiting for them.
///
/// A flush takes the next number. The gatherer sees the highest that is asked for, gathers what there was then, and
/// puts the number on the batch that completes it; the writer, done with that batch, says so here. A number that is
/// done includes all below it.
class FlushTickets {
 public:
  explicit FlushTickets(DiskState& disk) : disk_(disk) {}

  // any thread:
  std::uint64_t ask(bool sync);
  /// True when everything from before ask() is in the hands of the kernel (`sync`: and on the disk).
  bool wait(std::uint64_t ticket, Millis most, bool sync);
  /// ask() and wait() without blocking. When the log is `ending` or has ended, `done` is told at once, and the result
  /// is false.
  bool ask_then(Millis most, bool sync, const Ending& ending, FlushWaiters::Done done);
  std::uint64_t lines_written() const;
  /// Lines that were not written when the log ended.
  std::uint64_t lines_lost() const;

  // the gatherer:
  /// The highest number that is asked for.
  std::uint64_t asked() const;
  /// Notifies the waiters whose time is over.
  void expire(SteadyMs now);
  /// At most `most`, and no longer than until the next waiter's time is over.
  Millis until_next(SteadyMs now, Millis most) const { return waiters_.until_next(now, most); }

  // the writer:
  bool is_due(std::uint64_t ticket) const;
  /// A pending flush requires a sync to the disk.
  bool wants_sync() const;
  void set_done(std::uint64_t ticket, bool synced);
  void count_written(std::uint64_t lines);
  /// Nothing more will be written.
  void end();

  // the thread that ends the log:
  bool ended() const;
  /// False when the writer has not ended by `until`.
  bool wait_ended(SteadyMs until);
  /// Of `lines`, all that were logged, those that are not written are lost, even if a writer left behind still writes
  /// them; their number.
  std::uint64_t settle(std::uint64_t lines);

 private:
  DiskState& disk_;
  FlushWaiters waiters_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_:
  std::uint64_t asked_ = 0;
  std::uint64_t sync_asked_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t sync_failed_ = 0;  // flushes up to it that asked for a sync had none
  std::uint64_t lines_written_ = 0;
  bool ended_ = false;
  bool settled_ = false;
  std::uint64_t lost_ = 0;
};

}  // namespace rocket::log
