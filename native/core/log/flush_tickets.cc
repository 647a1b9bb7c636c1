#include "log/flush_tickets.h"

#include <algorithm>
#include <utility>

namespace rocket::log {

std::uint64_t FlushTickets::ask(bool sync) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t ticket = ++asked_;
  if (sync) sync_asked_ = ticket;
  return ticket;
}

bool FlushTickets::wait(std::uint64_t ticket, Millis most, bool sync) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return done_ >= ticket || ended_; });
  if (done_ >= ticket) return !sync || sync_failed_ < ticket;
  if (settled_) return lost_ == 0 && !sync;
  if (!ended_) disk_.on_stuck();
  return false;
}

bool FlushTickets::ask_then(Millis most, bool sync, const Ending& ending, FlushWaiters::Done done) {
  bool all_written = false;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t ticket = ++asked_;
    if (sync) sync_asked_ = ticket;
    if (!ending.stopping() && !ended_) {
      waiters_.add(ticket, sync, steady_now_ms() + most.count(), std::move(done));
      return true;
    }
    all_written = settled_ && lost_ == 0 && !sync;
  }
  done(all_written);
  return false;
}

std::uint64_t FlushTickets::lines_written() const {
  const std::lock_guard lock(mutex_);
  return lines_written_;
}

std::uint64_t FlushTickets::lines_lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::uint64_t FlushTickets::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void FlushTickets::expire(SteadyMs now) {
  if (waiters_.expire(now)) disk_.on_stuck();
}

bool FlushTickets::is_due(std::uint64_t ticket) const {
  const std::lock_guard lock(mutex_);
  return ticket > done_;
}

bool FlushTickets::wants_sync() const {
  const std::lock_guard lock(mutex_);
  return sync_asked_ > done_;
}

void FlushTickets::set_done(std::uint64_t ticket, bool synced) {
  std::uint64_t sync_failed = 0;
  {
    const std::lock_guard lock(mutex_);
    done_ = ticket;
    if (!synced) sync_failed_ = ticket;
    sync_failed = sync_failed_;
    changed_.notify_all();
  }
  waiters_.settle(ticket, sync_failed);
}

void FlushTickets::count_written(std::uint64_t lines) {
  const std::lock_guard lock(mutex_);
  if (!settled_) lines_written_ += lines;
}

void FlushTickets::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  waiters_.end();
}

bool FlushTickets::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool FlushTickets::wait_ended(SteadyMs until) {
  const Millis most{std::max<SteadyMs>(until - steady_now_ms(), 0)};
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, most, [this] { return ended_; });
}

std::uint64_t FlushTickets::settle(std::uint64_t lines) {
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    settled_ = true;
    lost = lost_ = lines - lines_written_;
  }
  waiters_.end();
  return lost;
}

}  // namespace rocket::log
