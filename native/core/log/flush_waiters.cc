#include "log/flush_waiters.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rocket::log {

void FlushWaiters::add(std::uint64_t ticket, bool sync, SteadyMs give_up, Done done) {
  const std::lock_guard lock(mutex_);
  waiters_.push_back({.ticket = ticket, .sync = sync, .give_up = give_up, .done = std::move(done)});
}

template <typename Which>
std::vector<FlushWaiters::Waiter> FlushWaiters::take(Which which) {
  const std::lock_guard lock(mutex_);
  const auto first = std::stable_partition(waiters_.begin(), waiters_.end(), std::not_fn(which));
  std::vector<Waiter> taken(std::make_move_iterator(first), std::make_move_iterator(waiters_.end()));
  waiters_.erase(first, waiters_.end());
  return taken;
}

void FlushWaiters::settle(std::uint64_t done, std::uint64_t sync_failed) {
  for (const auto& waiter : take([done](const Waiter& one) { return one.ticket <= done; })) {
    waiter.done(!waiter.sync || sync_failed < waiter.ticket);
  }
}

bool FlushWaiters::expire(SteadyMs now) {
  const auto late = take([now](const Waiter& one) { return one.give_up <= now; });
  for (const auto& waiter : late) waiter.done(false);
  return !late.empty();
}

void FlushWaiters::end() {
  for (const auto& waiter : take([](const Waiter&) { return true; })) waiter.done(false);
}

Millis FlushWaiters::until_next(SteadyMs now, Millis most) const {
  const std::lock_guard lock(mutex_);
  for (const auto& waiter : waiters_) most = std::min(most, Millis(std::max<SteadyMs>(waiter.give_up - now, 0)));
  return most;
}

}  // namespace rocket::log
