#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace rocket::log {

/// What the threads of a log tell each other without holding a lock, each with its rule. Two more such protocols have
/// files of their own: the halves of a Buffer, and the links of a BatchQueue. Every other atomic of the log is a number
/// that nobody acts upon (a counter, the level, a descriptor), or says "this was said once" (Losses).

/// Wakes the gatherer, and the threads that wait for it to make room.
///
/// `nudged_` is set by whoever has something for the gatherer, after what there is to see; only the thread that finds
/// it unset takes the mutex. The gatherer clears it before it looks around. So what was said before a nudge is seen by
/// the gathering that follows, and a nudge that comes during one causes another.
class GathererWake {
 public:
  void nudge() {
    if (nudged_.exchange(true, std::memory_order_acq_rel)) return;
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
  /// At the end: the gatherer, and all that wait for room, look at their conditions again.
  void wake_all() {
    nudge();
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
    room_.notify_all();
  }

  // the gatherer:
  /// Until a nudge, until `condition`, or for `most`.
  template <typename Condition>
  void wait(Millis most, Condition condition) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, most, [&] { return nudged_.load(std::memory_order_acquire) || condition(); });
    }
    nudged_.exchange(false, std::memory_order_acq_rel);
  }
  /// Buffers have been emptied.
  void tell_of_room() {
    const std::lock_guard lock(mutex_);
    room_.notify_all();
  }

  // a thread whose buffer is full:
  template <typename Condition>
  void wait_for_room(Millis most, Condition condition) {
    std::unique_lock lock(mutex_);
    room_.wait_for(lock, most, condition);
  }

 private:
  std::atomic<bool> nudged_{false};
  std::mutex mutex_;  // for waiting; guards nothing
  std::condition_variable wake_;
  std::condition_variable room_;
};

/// Wakes the writer. Batches are in the queue before their notify(), and all of them before end(): a writer that finds
/// the queue empty and the end said, under the mutex, has seen the last.
class WriterWake {
 public:
  // the gatherer:
  void notify() {
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
  /// There will be no further batch.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  // any thread:
  void wake_all() {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  // the writer:
  /// Until `has_batch`, or the end.
  template <typename HasBatch>
  void wait(HasBatch has_batch) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return has_batch() || ended_; });
  }
  template <typename Condition>
  void pause(Millis most, Condition condition) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, most, condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // guarded by mutex_
};

/// How much of the queue is taken.
///
/// The gatherer, when there is no room, sets `wanted_` and looks at `taken_` again; the writer lowers `taken_` and then
/// takes `wanted_`. Each writes one word before it reads the other, all sequentially consistent, so room that is made
/// meanwhile is either seen by the gatherer or makes the writer wake it.
class QueueRoom {
 public:
  std::size_t taken() const { return taken_.load(); }

  // the gatherer:
  void take(std::size_t bytes) { taken_.fetch_add(bytes); }
  /// From now on give_back() says true, once.
  void want() { wanted_.store(true); }
  // the writer:
  /// True when the gatherer is to be nudged.
  bool give_back(std::size_t bytes) {
    taken_.fetch_sub(bytes);
    return wanted_.exchange(false);
  }

 private:
  std::atomic<std::size_t> taken_{0};
  std::atomic<bool> wanted_{false};
};

/// How the log ends: one thread begins it, and says which flush is the last; the gatherer ends when that is in the
/// queue, and the writer when the queue is empty.
///
/// `last_ticket_` is written before `stopping_` (release) and read after it (acquire). `abandoned_` may come at any
/// time and means that nobody waits for the disk any longer: both threads end as soon as they see it, whatever is
/// unwritten. None of the three is ever taken back.
class Ending {
 public:
  /// True for one caller, whose task it is to end the log.
  bool begin() { return !begun_.exchange(true); }
  void stop(std::uint64_t last_ticket) {
    last_ticket_ = last_ticket;
    stopping_.store(true, std::memory_order_release);
  }
  void abandon() { abandoned_.store(true, std::memory_order_release); }

  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  bool abandoned() const { return abandoned_.load(std::memory_order_acquire); }
  /// Once stopping() is true.
  std::uint64_t last_ticket() const { return last_ticket_; }

 private:
  std::atomic<bool> begun_{false};
  std::uint64_t last_ticket_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
};

/// How the disk is doing, for what is said of losses and for how long the end waits. The flags are hints: nothing is
/// ordered by them, and one that is read late costs a wait or names no reason.
class DiskState {
 public:
  // the writer:
  void on_error(int error);
  /// True when writes had failed before.
  bool on_written() {
    stuck_.store(false, std::memory_order_relaxed);
    if (!failing_.load(std::memory_order_relaxed)) return false;
    failing_.store(false, std::memory_order_relaxed);
    return true;
  }
  // any thread:
  /// A flush has waited in vain.
  void on_stuck() { stuck_.store(true, std::memory_order_relaxed); }
  /// A flush has waited in vain since the last write.
  bool stuck() const { return stuck_.load(std::memory_order_relaxed); }
  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }
  std::string last_error() const;
  /// Why the disk takes nothing, if it says so.
  std::string reason() const;

 private:
  std::atomic<bool> stuck_{false};
  std::atomic<bool> failing_{false};  // the last write did
  std::atomic<std::uint64_t> errors_{0};
  mutable std::mutex mutex_;
  std::string last_error_;  // guarded by mutex_
};

/// Keeps the log's threads away from queue and buffers while a handler of a fatal signal writes those out.
///
/// A thread sets its own word (`gathering_`, `calling_`) and then reads `crashing_`; the handler sets `crashing_` and
/// then reads those words. All are sequentially consistent (Dekker), so at least one side sees the other: the thread
/// clears its words and sleeps until the process is gone, or the handler waits for the word to be cleared.
///
/// For `gathering_` and `writing_` it waits a moment only. Under them threads touch memory and locks alone, so they
/// stop soon, unless they wait for a lock that the crashed thread holds; and then they move nothing. Under `calling_`
/// the writer is in a system call that a bad disk may hold, and nobody can tell how much of the batch is written: the
/// handler waits for as long as it may, and writes nothing if the call does not end. A handler does not wait for the
/// thread it runs on, which the two thread numbers tell; each is set once, before its thread's first word.
class CrashPause {
 public:
  // the gatherer:
  void set_gatherer();
  void begin_gathering();
  void end_gathering() { gathering_.store(false, std::memory_order_seq_cst); }

  // the writer:
  void set_writer();
  /// A batch is being written, and then taken off the queue.
  void begin_writing() { writing_.store(true, std::memory_order_seq_cst); }
  void end_writing() { writing_.store(false, std::memory_order_seq_cst); }
  /// Around what a bad disk may hold the writer in.
  void begin_call();
  void end_call() { calling_.store(false, std::memory_order_seq_cst); }

  // a handler of a fatal signal:
  void begin_crash() noexcept { crashing_.store(true, std::memory_order_seq_cst); }
  /// False when the writer is in a call that does not end until `give_up`.
  bool wait_at_rest(SteadyMs give_up) const noexcept;

 private:
  std::atomic<bool> crashing_{false};
  std::atomic<bool> gathering_{false};
  std::atomic<bool> writing_{false};
  std::atomic<bool> calling_{false};
  std::atomic<std::int32_t> gatherer_tid_{0};
  std::atomic<std::int32_t> writer_tid_{0};
};

}  // namespace rocket::log
