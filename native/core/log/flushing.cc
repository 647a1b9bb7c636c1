#include <utility>

#include "log/logger.h"

namespace rocket::log {

std::uint64_t Logger::ask_flush(bool sync) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(flush_mutex_);
    ticket = ++flush_asked_;
    if (sync) sync_asked_ = ticket;
  }
  nudge();
  return ticket;
}

bool Logger::wait_flush(std::uint64_t ticket, Millis most, bool sync) {
  std::unique_lock lock(flush_mutex_);
  flushed_.wait_for(lock, most, [&] { return flush_done_ >= ticket || writer_ended_.load(); });
  if (flush_done_ >= ticket) return !sync || sync_failed_ < ticket;
  if (settled_) return lost_ == 0 && !sync;
  if (!writer_ended_.load()) stuck_.store(true, std::memory_order_relaxed);
  return false;
}

void Logger::flush_then(Millis most, bool sync, FlushWaiters::Done done) {
  bool ended = false;
  bool all_written = false;
  {
    const std::lock_guard lock(flush_mutex_);
    const std::uint64_t ticket = ++flush_asked_;
    if (sync) sync_asked_ = ticket;
    ended = stopping() || writer_ended_.load();
    if (ended)
      all_written = settled_ && lost_ == 0 && !sync;
    else
      waiters_.add(ticket, sync, steady_now_ms() + most.count(), std::move(done));
  }
  if (ended) return done(all_written);
  nudge();
}

// The writer:

void Logger::finish_flush(std::uint64_t ticket) {
  bool sync = false;
  {
    const std::lock_guard lock(flush_mutex_);
    path_ = output_.path();
    if (ticket <= flush_done_) return;
    sync = sync_asked_ > flush_done_;
  }
  int error = 0;
  if (sync) {
    begin_call();
    error = output_.sync();
    end_call();
    if (error < 0) on_write_error(-error);
  }
  std::unique_lock lock(flush_mutex_);
  flush_done_ = ticket;
  if (error < 0) sync_failed_ = ticket;
  const std::uint64_t sync_failed = sync_failed_;
  flushed_.notify_all();
  lock.unlock();
  waiters_.settle(ticket, sync_failed);
}

}  // namespace rocket::log
