#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <asio/io_context.hpp>

#include "base/clock.h"
#include "base/thread_check.h"
#include "base/timer_wheel.h"
#include "io/chunk_pool.h"
#include "io/task.h"

namespace rocket::io {

/// Work handed to an io thread by another thread.
class IoTask {
 public:
  virtual ~IoTask() = default;
  // io thread:
  virtual void run() = 0;
};

/// Something that collects during a loop turn and acts once at its end: a connection with frames to write, an inbox
/// with events to announce.
class TurnEnd {
 public:
  virtual ~TurnEnd() = default;
  // io thread:
  virtual void on_turn_end() = 0;
  /// After IoThread::await_heavy_step().
  virtual void on_heavy_step() {}

 protected:
  /// Whether at_turn_end() was already called for this turn: checking it saves creating a shared_ptr for every frame.
  bool scheduled() const { return scheduled_; }

 private:
  friend class IoThread;
  bool scheduled_ = false;
};

/// One thread with one io_context. A turn is: wait for the first ready handler, run other ready handlers, run the tasks
/// queued by other threads, fire timers, then run everything scheduled with at_turn_end(). Crossing threads and system
/// calls thus cost once per turn.
class IoThread {
 public:
  /// `name` is at most 15 bytes (Linux thread name).
  IoThread(std::string name, std::uint32_t index);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // any thread:
  std::uint32_t index() const { return index_; }
  void post(std::unique_ptr<IoTask> task);
  void post(std::function<void()> task);
  /// Like post(), but wakes the thread only while a TasksAwaited is set: for work that can otherwise wait until the
  /// thread is awake anyway.
  void post_lazily(std::unique_ptr<IoTask> task);
  /// Runs all tasks posted before, then ends the thread. Objects still alive on it are destroyed by the caller.
  void stop_and_join();
  bool on_this_thread() const { return std::this_thread::get_id() == thread_id_.load(std::memory_order_acquire); }
  /// True on this thread. Also true before it runs and after it has ended, when its objects belong to the thread that
  /// creates and destroys it.
  bool may_touch() const { return on_this_thread() || thread_id_.load(std::memory_order_acquire) == std::thread::id(); }
  /// Memory of the thread's own buffers, as of its last turn.
  std::size_t buffer_bytes() const { return buffer_bytes_.load(std::memory_order_relaxed); }
  std::size_t queued_tasks() const { return queued_tasks_.load(std::memory_order_relaxed); }

  // io thread: also to open, wait on or close a socket or a timer of it, once the thread runs
  asio::io_context& context() { return context_; }
  TimerWheel& timers() {
    ROCKET_ON_IO_THREAD(*this);
    return timers_;
  }
  ChunkPool& chunks() {
    ROCKET_ON_IO_THREAD(*this);
    return chunks_;
  }
  /// True while calls come one at a time: many turns in a row had a single handler, so doing work immediately delays no
  /// other call.
  bool lone() const {
    ROCKET_ON_IO_THREAD(*this);
    return lone_turns_ >= kLoneTurns;
  }
  /// More work has arrived than expected.
  void end_lone() {
    ROCKET_ON_IO_THREAD(*this);
    lone_turns_ = 0;
  }
  /// The steady clock as of this turn: read when first needed in a turn, which is after its wait.
  SteadyMs now() {
    ROCKET_ON_IO_THREAD(*this);
    if (!clock_read_) {
      now_ = steady_now_ms();
      clock_read_ = true;
    }
    return now_;
  }
  void at_turn_end(const std::shared_ptr<TurnEnd>& what);
  /// The buffer that every connection of this thread reads into, so that an idle one needs none.
  std::span<std::uint8_t> read_buffer() {
    ROCKET_ON_IO_THREAD(*this);
    return {read_buffer_.get(), kReadBufferBytes};
  }

  /// Temporary memory of the thread, valid until the caller returns. At least `size` bytes; it is kept for later calls.
  std::span<std::uint8_t> scratch(std::size_t size) {
    ROCKET_ON_IO_THREAD(*this);
    if (scratch_.size() < size) scratch_ = OwnedBytes(size);
    return {scratch_.data(), scratch_.size()};
  }

  /// Runs the tasks of post_lazily(). Called before this thread reads data of a peer that may already have got a reply
  /// of such a task. Not from inside a task.
  void run_lazy_tasks() {
    if (lazy_queued_.load(std::memory_order_acquire)) run_tasks();
  }

  /// Asks for a share of the time that a turn may spend on steps of a fraction of a millisecond, such as the
  /// cryptography of a handshake, so that many of them do not delay calls. False: call await_heavy_step(), and do the
  /// work in another turn.
  bool take_heavy_step() {
    ROCKET_ON_IO_THREAD(*this);
    return heavy_steps_left_ > 0 && heavy_steps_left_-- > 0;
  }
  /// Calls on_heavy_step() of `what` when it may ask again, in the order of the calls.
  void await_heavy_step(std::shared_ptr<TurnEnd> what) {
    ROCKET_ON_IO_THREAD(*this);
    awaiting_heavy_step_.push_back(std::move(what));
  }

  static constexpr std::size_t kReadBufferBytes = 128 * 1024;
  static constexpr int kHeavyStepsPerTurn = 1;

 private:
  friend class TasksAwaited;
  void run();
  void one_turn();
  int run_ready();
  void end_turn();
  void share_heavy_steps();
  void run_tasks();
  void drive_timers();
  void enqueue(std::unique_ptr<IoTask> task);
  void wake();

  const std::uint32_t index_;
  std::string name_;

  // The wheel and the pool outlive every connection, and connections may live in handlers owned by the context.
  SteadyMs now_;
  bool clock_read_ = true;
  TimerWheel timers_;
  ChunkPool chunks_;
  std::unique_ptr<std::uint8_t[]> read_buffer_;
  OwnedBytes scratch_;

  std::atomic<std::size_t> queued_tasks_{0};
  std::atomic<std::size_t> buffer_bytes_{kReadBufferBytes};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> lazy_queued_{false};
  std::atomic<unsigned> tasks_awaited_{0};
  bool stopping_ = false;
  unsigned lone_turns_ = 0;
  static constexpr unsigned kLoneTurns = 32;

  int heavy_steps_left_ = kHeavyStepsPerTurn;
  std::vector<std::shared_ptr<TurnEnd>> turn_ends_;
  std::vector<std::shared_ptr<TurnEnd>> ending_;

  // Other threads may post to it, but its sockets and timers are touched on its own thread only, so those need no
  // locks.
  asio::io_context context_{ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SteadyTimer wheel_timer_;
  SteadyMs wheel_armed_for_ = kNever;
  static constexpr SteadyMs kNever = INT64_MAX;

  // Declared after the context: these may own connections, whose sockets need the context to close.
  std::deque<std::shared_ptr<TurnEnd>> awaiting_heavy_step_;
  std::mutex tasks_mutex_;
  std::vector<std::unique_ptr<IoTask>> tasks_;  // guarded by tasks_mutex_
  std::vector<std::unique_ptr<IoTask>> running_tasks_;

  std::atomic<std::thread::id> thread_id_;
  std::thread thread_;
};

/// Set while something on an io thread waits for the effect of a task of post_lazily(): a connection that is read again
/// when a call has ended, a server that drains. Belongs to that thread, and is cleared there before it is destroyed.
class TasksAwaited {
 public:
  explicit TasksAwaited(IoThread& io) : io_(io) {}
  TasksAwaited(const TasksAwaited&) = delete;
  TasksAwaited& operator=(const TasksAwaited&) = delete;

  void set(bool awaited) {
    ROCKET_ON_IO_THREAD(io_);
    if (awaited == awaited_) return;
    awaited_ = awaited;
    // Sequentially consistent for the sake of post_lazily().
    awaited ? ++io_.tasks_awaited_ : --io_.tasks_awaited_;
  }

 private:
  IoThread& io_;
  bool awaited_ = false;
};

}  // namespace rocket::io
