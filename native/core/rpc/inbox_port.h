#pragma once

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "io/io_thread.h"
#include "rpc/inbox.h"

namespace rocket::rpc {

struct ClientCall;

/// Told when an Inbox that was full has room again.
class RoomWaiter {
 public:
  // io thread:
  virtual void on_inbox_room() = 0;

 protected:
  ~RoomWaiter() = default;
};

/// One io thread's end of one Inbox: announces once a turn, and keeps what must not be refused while the Inbox is full.
/// Everything but tell_room() belongs to the io thread.
class InboxPort final : public io::TurnEnd, public std::enable_shared_from_this<InboxPort> {
 public:
  InboxPort(io::IoThread& io, std::shared_ptr<Inbox> inbox) : io_(io), inbox_(std::move(inbox)) {}

  /// False when the Inbox is full: keep the event's source and call wait_for_room().
  bool push(const Event& event, OwnedBytes* large = nullptr);
  /// For events whose number is bounded by the calls they end: kept aside in order until there is room.
  void push_always(const Event& event);
  /// Everything that had arrived on a connection has been pushed. Announces at once if nothing else is going on.
  void pushed_all() {
    if (!io_.lone() || !scheduled()) return;
    if (inbox_->announce() > 1) io_.end_lone();
  }
  void wait_for_room(RoomWaiter& waiter);
  void forget(RoomWaiter& waiter);

  /// Called by a full Inbox: true when it has to remember this port, false when word of room is already on its way.
  bool expect_room() { return !std::exchange(room_expected_, true); }

  io::IoThread& io() { return io_; }
  const Inbox& inbox() const { return *inbox_; }

  /// Where the client calls of this JavaScript thread are on this io thread, by JavaScript's handle: for cancelling.
  std::vector<ClientCall*>& calls_by_handle() { return calls_by_handle_; }

  // any thread:
  static void tell_room(const std::weak_ptr<InboxPort>& port);

 private:
  void on_turn_end() override { inbox_->announce(); }
  void on_room();

  struct Kept {
    Event event;
    OwnedBytes payload;
    OwnedBytes text;
  };

  io::IoThread& io_;
  const std::shared_ptr<Inbox> inbox_;
  std::deque<Kept> kept_;
  std::vector<RoomWaiter*> waiters_;
  std::vector<ClientCall*> calls_by_handle_;
  bool room_expected_ = false;
};

}  // namespace rocket::rpc
