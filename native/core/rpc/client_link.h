#pragma once

#include <memory>
#include <string>

#include "io/connection.h"
#include "rpc/call_link.h"
#include "rpc/inbox_port.h"
#include "wire/foreign_protocol.h"
#include "wire/frame.h"

namespace rocket::rpc {

class ClientSession;
struct ClientCall;

/// One connection of a ClientSession: replies in, and the calls that were sent on it. Destroyed by its session when the
/// connection has closed.
class ClientLink final : public io::ConnectionHandler, public RoomWaiter, public ListLink {
 public:
  ClientLink(std::shared_ptr<ClientSession> session, std::shared_ptr<io::Connection> connection);
  ~ClientLink();

  void start() { connection_->start(*this); }
  io::Connection& connection() { return *connection_; }
  /// Why its connection was closed for bad input, in words.
  std::string why_rejected() const;

  CallLink calls;          ///< the ClientCalls encoded to this connection, oldest first
  bool got_reply = false;  ///< the peer has answered at least once

  // ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  bool on_large_frame(OwnedBytes& frame) override;
  void on_writable() override {}
  bool busy() const override { return !calls.empty(); }
  void on_closed(io::CloseReason reason) override;
  // RoomWaiter
  void on_inbox_room() override;

 private:
  bool take_frame(ByteSpan frame, OwnedBytes* block);

  const std::shared_ptr<ClientSession> session_;
  const std::shared_ptr<io::Connection> connection_;
  bool paused_ = false;
  wire::DecodeError rejected_ = wire::DecodeError::kNone;
  wire::Foreign foreign_ = wire::Foreign::kNone;
};

}  // namespace rocket::rpc
