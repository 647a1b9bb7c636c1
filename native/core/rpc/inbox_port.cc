#include "rpc/inbox_port.h"

#include "base/thread_check.h"

#include <algorithm>

namespace rocket::rpc {

bool InboxPort::push(const Event& event, OwnedBytes* large) {
  ROCKET_ON_IO_THREAD(io_);
  if (!kept_.empty() || !push_locking(event, large)) return false;
  if (!scheduled()) io_.at_turn_end(shared_from_this());
  return true;
}

bool InboxPort::push_locking(const Event& event, OwnedBytes* large) {
  const bool pushed = inbox_->push(*this, event, large, lock_);
  if (lock_.owns_lock() && (!in_burst_ || ++pushes_locked_ % kPushesLocked == 0)) lock_.unlock();
  return pushed;
}

void InboxPort::end_burst() {
  ROCKET_ON_IO_THREAD(io_);
  in_burst_ = false;
  if (lock_.owns_lock()) lock_.unlock();
  if (io_.lone() && scheduled() && inbox_->announce(io_.now()) > 1) io_.end_lone();
}

void InboxPort::push_always(const Event& event) {
  ROCKET_ON_IO_THREAD(io_);
  if (push(event)) return;
  Kept kept{event, OwnedBytes::copy_of(event.payload), OwnedBytes::copy_of(event.text)};
  kept.event.payload = kept.payload.span();
  kept.event.text = kept.text.span();
  kept_.push_back(std::move(kept));
}

SteadyMs InboxPort::probe() {
  ROCKET_ON_IO_THREAD(io_);
  if (lock_.owns_lock()) lock_.unlock();
  return inbox_->probe(io_.now());
}

void InboxPort::wait_for_room(RoomWaiter& waiter) {
  ROCKET_ON_IO_THREAD(io_);
  if (std::find(waiters_.begin(), waiters_.end(), &waiter) == waiters_.end()) waiters_.push_back(&waiter);
}

void InboxPort::forget(RoomWaiter& waiter) {
  ROCKET_ON_IO_THREAD(io_);
  std::erase(waiters_, &waiter);
}

void InboxPort::tell_room(const std::weak_ptr<InboxPort>& weak) {
  auto port = weak.lock();
  if (!port) return;
  auto& io = port->io_;
  // The io thread releases the port, regardless of what this thread does meanwhile.
  io.post([port = std::move(port)] { port->on_room(); });
}

void InboxPort::on_room() {
  ROCKET_ON_IO_THREAD(io_);
  room_expected_ = false;
  while (!kept_.empty()) {
    if (!push_locking(kept_.front().event, nullptr)) break;
    kept_.pop_front();
    io_.at_turn_end(shared_from_this());
  }
  if (!kept_.empty()) return;
  // A waiter that finds the Inbox full again waits after the others.
  std::vector<RoomWaiter*> waiters;
  waiters.swap(waiters_);
  while (!waiters.empty()) {
    RoomWaiter* waiter = waiters.back();
    waiters.pop_back();
    waiter->on_inbox_room();
  }
}

}  // namespace rocket::rpc
