#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "log/batch_queue.h"
#include "log/buffer.h"
#include "log/flush_waiters.h"
#include "log/level.h"
#include "log/line.h"
#include "log/losses.h"
#include "log/output.h"

namespace rocket::log {

struct LoggerOptions {
  OutputOptions output;
  Format format = Format::kText;
  Policy policy = Policy::kDropNewest;
  /// Of each half of a thread's buffer.
  std::size_t buffer_bytes = 1024 * 1024;
  /// Bytes that may wait for the writer; when they do, lines stay in their threads' buffers.
  std::size_t queue_bytes = 16 * 1024 * 1024;
  Millis gather_every{200};
  /// The longest a caller, the end of the log, or the end of the process waits for the disk.
  Millis flush_timeout{1000};
};

struct LoggerStats {
  std::size_t buffers = 0;
  std::size_t buffer_bytes = 0;
  std::size_t queued_bytes = 0;
  std::uint64_t lines = 0;
  std::uint64_t lines_written = 0;
  std::uint64_t lines_dropped = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t files_rolled = 0;
  std::string last_error;
  std::string path;
};

/// An asynchronous log in three tiers: threads fill buffers of their own, a gatherer collects them every 200 ms (or
/// when one is nearly full, or a line is urgent), a writer writes what was collected. No thread that logs waits for
/// another, or for the disk, unless the policy is to block.
///
/// Its threads hold it, until close(). Any thread may call anything.
class Logger final : public std::enable_shared_from_this<Logger> {
 public:
  static std::shared_ptr<Logger> open(const LoggerOptions& options, std::shared_ptr<Files> files);
  ~Logger();

  // C++ producers:
  bool enabled(Level level) const { return static_cast<std::int32_t>(level) >= level_.load(std::memory_order_relaxed); }
  void set_level(Level level) { level_.store(static_cast<std::int32_t>(level), std::memory_order_relaxed); }
  /// `line.unix_ms` and `line.tid` are filled in.
  void write(Line line);

  // other producers, such as JavaScript:
  /// Until set_gone() is called on it.
  std::shared_ptr<Buffer> add_buffer();
  /// Something is worth being gathered now.
  void nudge();
  /// Waits until there is room for the thread that found `half` of its buffer full; false after flush_timeout, or at
  /// the end of the log.
  bool wait_for_room(const Buffer& buffer, std::int32_t half);

  /// True when all lines of before are in the hands of the kernel (`sync`: and on the disk); false after `most`.
  bool flush(Millis most, bool sync = false) { return wait_flush(ask_flush(sync), most, sync); }
  /// The halves of flush(), to wait for several logs together.
  std::uint64_t ask_flush(bool sync);
  bool wait_flush(std::uint64_t ticket, Millis most, bool sync);
  /// As flush(), without blocking: `done` is told, on a thread of the log unless it has ended.
  void flush_then(Millis most, bool sync, FlushWaiters::Done done);
  void reopen() { output_.reopen(); }

  // the end (closing.cc):
  /// Flushes for at most flush_timeout, ends the threads, and closes the file. A writer that hangs in a system call is
  /// left behind, and does so when the call ends. What is then not written is lost, counted, and told on stderr.
  void close();
  /// The process ends with lines unwritten: tells how many.
  void tell_unwritten();
  /// A line that came after the end.
  void count_late() { losses_.on_late(); }
  // close() in steps (closing.h); false: another thread is at it, or was.
  bool begin_close();
  bool wait_ended(SteadyMs until);
  void give_up();
  void finish_close();

  LoggerStats stats() const;
  const LoggerOptions& options() const { return options_; }

  /// Paths of files that have been rolled, for whoever compresses them.
  std::vector<std::string> take_rolled();

  // a handler of a fatal signal:
  /// Everything that is not written yet, by async-signal-safe calls alone; what is not taken within `most` is lost, and
  /// the result false. The log is of no use after it.
  bool write_out(Millis most) noexcept;
  /// Tells the log's threads to stop, for write_out() of this and of other logs.
  void begin_write_out() noexcept { crashing_.store(true, std::memory_order_seq_cst); }

 private:
  Logger(const LoggerOptions& options, std::shared_ptr<Files> files);
  Buffer& buffer_of_this_thread();
  /// What Buffer and policy make of one line; false when it was dropped.
  bool put(Buffer& buffer, const Line& line);

  void gather_loop();
  /// Why lines were left behind: their thread is at it or has gone on in the other half, or the queue has no room.
  enum class Left : std::uint8_t { kNothing, kForNow, kForWantOfRoom };
  Left gather();
  void note_drops(Batch& batch);
  void put_first(const Buffer* buffer);
  void forget(const std::vector<std::shared_ptr<Buffer>>& gone);
  void refresh_snapshot();

  void write_loop();
  bool write_batch(Batch& batch);
  void on_write_error(int error);
  void finish_flush(std::uint64_t ticket);
  /// How many of the batch's lines the kernel has.
  void count_written(const Batch& batch, bool whole);
  void end_writing();
  void wake_all();
  std::uint64_t dropped_for_want_of_room() const;
  std::uint64_t buffered_lines() const;
  /// Why the disk takes nothing, if it says so.
  std::string reason() const;
  /// The writer, before and after it calls what a bad disk may hold it in.
  void begin_call();
  void end_call() { calling_.store(false, std::memory_order_seq_cst); }
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }

  const LoggerOptions options_;
  const std::shared_ptr<Files> files_;
  std::atomic<std::int32_t> level_{static_cast<std::int32_t>(Level::kTrace)};
  const std::uint64_t number_;  // never the same again in this process

  mutable std::mutex registry_mutex_;
  std::vector<std::shared_ptr<Buffer>> registered_;  // guarded by registry_mutex_
  std::atomic<bool> registry_changed_{false};
  std::vector<std::shared_ptr<Buffer>> snapshot_;  // the gatherer's
  /// What a handler of a fatal signal sees; threads beyond these lose their last lines in a crash.
  std::array<std::atomic<Buffer*>, 256> visible_{};

  std::mutex gather_mutex_;  // for waiting; guards nothing
  std::condition_variable gather_wake_;
  std::atomic<bool> nudged_{false};
  std::condition_variable room_;

  BatchQueue queue_;
  std::atomic<std::size_t> queued_bytes_{0};
  std::atomic<bool> wants_room_{false};  // the gatherer does, and is to be woken
  std::mutex write_mutex_;               // for waiting; guards nothing
  std::condition_variable write_wake_;
  Output output_;
  Losses losses_;

  mutable std::mutex flush_mutex_;
  std::condition_variable flushed_;
  FlushWaiters waiters_;
  std::uint64_t flush_asked_ = 0;  // guarded by flush_mutex_
  /// A flush has waited in vain since the last write.
  std::atomic<bool> stuck_{false};
  std::uint64_t sync_asked_ = 0;     // guarded by flush_mutex_
  std::uint64_t sync_failed_ = 0;    // guarded by flush_mutex_; flushes up to it that asked for a sync had none
  std::uint64_t flush_done_ = 0;     // guarded by flush_mutex_
  std::string last_error_;           // guarded by flush_mutex_
  std::uint64_t lines_written_ = 0;  // guarded by flush_mutex_
  bool settled_ = false;             // guarded by flush_mutex_; what is unwritten is lost, and counted:
  std::uint64_t lost_ = 0;           // guarded by flush_mutex_
  std::string path_;                 // guarded by flush_mutex_
  std::vector<std::string> rolled_;  // guarded by flush_mutex_

  std::atomic<std::uint64_t> lines_{0};
  std::atomic<std::uint64_t> dropped_of_gone_{0};
  std::uint64_t dropped_noted_ = 0;  // the gatherer's
  // The gatherer's: the flush that is being gathered for, and the last whose lines are all in the queue.
  std::uint64_t flushing_ = 0;
  std::uint64_t ticket_pushed_ = 0;
  std::uint64_t last_ticket_ = 0;  // close()'s, set before stopping_
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> write_errors_{0};
  std::atomic<std::uint64_t> files_rolled_{0};

  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> crashing_{false};
  std::atomic<bool> failing_{false};  // the last write did
  std::atomic<bool> gathering_{false};
  std::atomic<bool> writing_{false};
  std::atomic<bool> calling_{false};
  std::atomic<std::int32_t> gatherer_tid_{0};
  std::atomic<std::int32_t> writer_tid_{0};
  std::atomic<bool> gatherer_ended_{false};
  std::atomic<bool> writer_ended_{false};
  std::atomic<bool> closing_{false};
  bool given_up_ = false;  // the closing thread's
  std::thread gatherer_;
  std::thread writer_;
};

}  // namespace rocket::log
