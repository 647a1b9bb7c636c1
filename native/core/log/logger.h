#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "log/gatherer.h"
#include "log/level.h"
#include "log/line.h"
#include "log/logger_options.h"
#include "log/parts.h"
#include "log/writer.h"

namespace rocket::log {

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

/// An asynchronous log in three tiers: threads fill buffers of their own (buffer.h), a gatherer collects them every
/// 200 ms, or when one is nearly full, or a line is urgent (gatherer.h), a writer writes what was collected (writer.h).
/// No thread that logs waits for another, or for the disk, unless the policy is to block. What these threads tell each
/// other without a lock is in handshakes.h.
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
  void nudge() { parts_.gatherer_wake.nudge(); }
  /// Waits until there is room for the thread that found `half` of its buffer full; false after flush_timeout, or at
  /// the end of the log.
  bool wait_for_room(const Buffer& buffer, std::int32_t half);

  /// True when all lines from before are in the hands of the kernel (`sync`: and on the disk); false after `most`.
  bool flush(Millis most, bool sync = false) { return wait_flush(ask_flush(sync), most, sync); }
  /// The halves of flush(), to wait for several logs together.
  std::uint64_t ask_flush(bool sync);
  bool wait_flush(std::uint64_t ticket, Millis most, bool sync) { return parts_.flushes.wait(ticket, most, sync); }
  /// As flush(), without blocking: `done` is told, on a thread of the log unless it has ended.
  void flush_then(Millis most, bool sync, FlushWaiters::Done done);
  void reopen() { writer_.reopen(); }

  // the end (closing.cc):
  /// Flushes for at most flush_timeout, ends the threads, and closes the file. A writer that hangs in a system call is
  /// left behind, and does so when the call ends. Lines not written then are lost, counted, and reported on stderr.
  void close();
  /// The process ends with lines unwritten: says how many on stderr.
  void tell_unwritten();
  /// A line that came after the end.
  void count_late() { parts_.losses.on_late(); }
  // close() in steps (closing.h); false: another thread is at it, or was.
  bool begin_close();
  bool wait_ended(SteadyMs until);
  void give_up();
  void finish_close();

  LoggerStats stats() const;
  const LoggerOptions& options() const { return parts_.options; }

  /// Paths of files that have been rolled, for whoever compresses them.
  std::vector<std::string> take_rolled() { return writer_.take_rolled(); }

  // a handler of a fatal signal (write_out.cc):
  /// Everything that is not written yet, by async-signal-safe calls alone; what is not taken within `most` is lost, and
  /// the result false. The log is of no use after it.
  bool write_out(Millis most) noexcept;
  /// Tells the log's threads to stop, for write_out() of this and of other logs.
  void begin_write_out() noexcept { parts_.crash_pause.begin_crash(); }

 private:
  Logger(const LoggerOptions& options, std::shared_ptr<Files> files);
  Buffer& buffer_of_this_thread();
  /// What Buffer and policy make of one line; false when it was dropped.
  bool put(Buffer& buffer, const Line& line);
  void wake_all();

  Parts parts_;
  Gatherer gatherer_;
  Writer writer_;
  std::atomic<std::int32_t> level_{static_cast<std::int32_t>(Level::kTrace)};
  const std::uint64_t number_;  // never the same again in this process
  bool given_up_ = false;       // the closing thread's
  std::thread gatherer_thread_;
  std::thread writer_thread_;
};

}  // namespace rocket::log
