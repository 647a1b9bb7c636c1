#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "io/io_thread.h"
#include "rpc/inbox.h"

namespace rocket::rpc {

struct LinkedCall;

/// Notified when an Inbox that was full has room again.
class RoomWaiter {
 public:
  // io thread:
  virtual void on_inbox_room() = 0;

 protected:
  ~RoomWaiter() = default;
};

/// One io thread's access to one Inbox: wakes JavaScript once per turn, and keeps events that must not be refused while
/// the Inbox is full. Everything except tell_room() belongs to the io thread.
///
/// The Inbox stays locked from one push() to the next only within a Burst.
class InboxPort final : public io::TurnEnd, public std::enable_shared_from_this<InboxPort> {
 public:
  InboxPort(io::IoThread& io, std::shared_ptr<Inbox> inbox)
      : io_(io), inbox_(std::move(inbox)), lock_(inbox_->lock()) {}

  /// All requests that have arrived on a connection are pushed in a row. They are announced at the end of the burst if
  /// the thread has no other work.
  void begin_burst() {
    ROCKET_ON_IO_THREAD(io_);
    in_burst_ = true;
  }
  void end_burst();
  class Burst {
   public:
    explicit Burst(InboxPort& port) : port_(port) { port_.begin_burst(); }
    ~Burst() { port_.end_burst(); }
    Burst(const Burst&) = delete;
    Burst& operator=(const Burst&) = delete;

   private:
    InboxPort& port_;
  };

  /// False if the Inbox is full: keep the event's source and call wait_for_room().
  bool push(const Event& event, OwnedBytes* large = nullptr);
  /// For events whose number is limited by the calls they end: kept in order until there is room.
  void push_always(const Event& event);
  void wait_for_room(RoomWaiter& waiter);
  void forget(RoomWaiter& waiter);
  /// Inbox::probe(), also within a Burst.
  SteadyMs probe();

  /// Called by a full Inbox: true if it has to remember this port, false if a notification of room is already pending.
  bool expect_room() { return !std::exchange(room_expected_, true); }

  io::IoThread& io() { return io_; }
  const Inbox& inbox() const { return *inbox_; }

  /// The client calls of this JavaScript thread on this io thread, by JavaScript's handle: for cancelling.
  std::vector<LinkedCall*>& calls_by_handle() { return calls_by_handle_; }

  // any thread:
  static void tell_room(const std::weak_ptr<InboxPort>& port);

 private:
  void on_turn_end() override {
    ROCKET_ON_IO_THREAD(io_);
    inbox_->announce(io_.now());
  }
  void on_room();
  bool push_locking(const Event& event, OwnedBytes* large);

  /// Number of pushes after which JavaScript gets a chance to take the events.
  static constexpr unsigned kPushesLocked = 32;

  struct Kept {
    Event event;
    OwnedBytes payload;
    OwnedBytes text;
  };

  io::IoThread& io_;
  const std::shared_ptr<Inbox> inbox_;
  std::unique_lock<std::mutex> lock_;
  bool in_burst_ = false;
  unsigned pushes_locked_ = 0;
  std::deque<Kept> kept_;
  std::vector<RoomWaiter*> waiters_;
  std::vector<LinkedCall*> calls_by_handle_;
  bool room_expected_ = false;
};

}  // namespace rocket::rpc
