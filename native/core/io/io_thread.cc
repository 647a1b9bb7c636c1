#include "io/io_thread.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <new>

#include "base/this_thread.h"

#include <asio/post.hpp>

namespace rocket::io {

namespace {

/// Handlers run in one turn before its end is forced, so that a peer that never stops sending cannot starve replies.
constexpr int kHandlersPerTurn = 256;
/// They may be expensive ones, so a turn is also ended by the clock, which is read once for so many.
constexpr int kHandlersPerClock = 8;
constexpr std::chrono::milliseconds kTurnTime{2};

/// Large blocks are allocated where a failure can be handled (OwnedBytes::try_grow). If even a small allocation fails,
/// the current work is lost and reported; the rest of the turn continues.
template <typename Work>
void guarded(const char* what, Work work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "rocket-rpc: an io thread is out of memory: %s was given up\n", what);
  }
}

class FunctionTask final : public IoTask {
 public:
  explicit FunctionTask(std::function<void()> task) : task_(std::move(task)) {}
  void run() override { task_(); }

 private:
  std::function<void()> task_;
};

}  // namespace

IoThread::IoThread(std::string name, std::uint32_t index)
    : index_(index),
      name_(std::move(name)),
      now_(steady_now_ms()),
      timers_(now_),
      read_buffer_(new std::uint8_t[kReadBufferBytes]),
      work_(asio::make_work_guard(context_)),
      wheel_timer_(context_),
      thread_([this] { run(); }) {}

IoThread::~IoThread() { stop_and_join(); }

void IoThread::post(std::unique_ptr<IoTask> task) {
  enqueue(std::move(task));
  wake();
}

void IoThread::post(std::function<void()> task) { post(std::make_unique<FunctionTask>(std::move(task))); }

// Pairs with TasksAwaited::set(), after which the thread looks at queued_tasks_ before it sleeps: either it sees the
// task that was just queued, or we see that it is awaited.
void IoThread::post_lazily(std::unique_ptr<IoTask> task) {
  enqueue(std::move(task));
  lazy_queued_.store(true, std::memory_order_release);
  if (tasks_awaited_.load(std::memory_order_seq_cst) > 0) wake();
}

void IoThread::enqueue(std::unique_ptr<IoTask> task) {
  const std::lock_guard lock(tasks_mutex_);
  tasks_.push_back(std::move(task));
  queued_tasks_.store(tasks_.size(), std::memory_order_seq_cst);
}

// Pairs with one_turn(): either the sleeper sees the task that was just queued, or we see that it sleeps.
void IoThread::wake() {
  if (sleeping_.exchange(false, std::memory_order_seq_cst)) asio::post(context_, [] {});
}

void IoThread::stop_and_join() {
  ROCKET_OFF_IO_THREAD(*this);
  if (!thread_.joinable()) return;
  post([this] { stopping_ = true; });
  thread_.join();
  thread_id_.store(std::thread::id(), std::memory_order_release);
}

void IoThread::at_turn_end(const std::shared_ptr<TurnEnd>& what) {
  ROCKET_ON_IO_THREAD(*this);
  if (what->scheduled_) return;
  what->scheduled_ = true;
  turn_ends_.push_back(what);
}

void IoThread::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_release);
  name_this_thread(name_.c_str());
  // Signals belong to the thread that runs JavaScript.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (!stopping_) one_turn();
}

void IoThread::one_turn() {
  clock_read_ = false;
  sleeping_.store(true, std::memory_order_seq_cst);
  if (queued_tasks_.load(std::memory_order_seq_cst) == 0) {
    context_.run_one();
  } else {
    context_.poll_one();
  }
  sleeping_.store(false, std::memory_order_relaxed);
  // Checking whether more is ready costs a system call, which is saved while calls come one at a time; code that finds
  // they no longer do calls end_lone(), and every few turns it is checked anyway.
  if (lone()) {
    if (++lone_turns_ % kLoneTurns == 0 && run_ready() > 0) end_lone();
  } else {
    lone_turns_ = run_ready() == 0 ? lone_turns_ + 1 : 0;
  }
  end_turn();
  buffer_bytes_.store(kReadBufferBytes + chunks_.kept_bytes(), std::memory_order_relaxed);
  drive_timers();
}

int IoThread::run_ready() {
  int handlers = 0;
  std::chrono::steady_clock::time_point end;
  while (handlers < kHandlersPerTurn && context_.poll_one() > 0) {
    if (++handlers % kHandlersPerClock != 0) continue;
    const auto now = std::chrono::steady_clock::now();
    if (handlers == kHandlersPerClock) end = now + kTurnTime;
    if (now >= end) break;
  }
  return handlers;
}

/// Whoever asks next turn finds steps again; those that wait are asked to, as many as there are steps.
void IoThread::share_heavy_steps() {
  heavy_steps_left_ = kHeavyStepsPerTurn;
  for (int i = 0; i < kHeavyStepsPerTurn && !awaiting_heavy_step_.empty(); ++i) {
    const auto next = std::move(awaiting_heavy_step_.front());
    awaiting_heavy_step_.pop_front();
    guarded("a heavy step", [&] { next->on_heavy_step(); });
  }
  // The one that was asked may have no use for it any more.
  if (!awaiting_heavy_step_.empty()) asio::post(context_, [] {});
}

void IoThread::end_turn() {
  run_tasks();
  if (heavy_steps_left_ < kHeavyStepsPerTurn || !awaiting_heavy_step_.empty()) share_heavy_steps();
  timers_.advance(now());
  // End-of-turn work may schedule more (closing a connection reports its calls), which then also runs in this turn.
  while (!turn_ends_.empty()) {
    ending_.swap(turn_ends_);
    for (const auto& what : ending_) {
      what->scheduled_ = false;
      guarded("the end of a turn", [&] { what->on_turn_end(); });
    }
    ending_.clear();
  }
}

void IoThread::run_tasks() {
  if (queued_tasks_.load(std::memory_order_acquire) == 0) return;
  {
    const std::lock_guard lock(tasks_mutex_);
    running_tasks_.swap(tasks_);
    lazy_queued_.store(false, std::memory_order_relaxed);
    queued_tasks_.store(0, std::memory_order_relaxed);
  }
  for (auto& task : running_tasks_) {
    guarded("a task", [&] { task->run(); });
    task.reset();
  }
  running_tasks_.clear();
}

void IoThread::drive_timers() {
  const auto next = timers_.next_event();
  if (!next || *next >= wheel_armed_for_) return;
  wheel_armed_for_ = *next;
  wheel_timer_.expires_at(std::chrono::steady_clock::time_point(Millis(*next)));
  wheel_timer_.async_wait([this](const std::error_code& error) {
    if (!error) wheel_armed_for_ = kNever;
  });
}

}  // namespace rocket::io
