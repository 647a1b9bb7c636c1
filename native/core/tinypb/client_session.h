#pragma once

#include <list>
#include <memory>
#include <string>

#include "io/connection.h"
#include "rpc/call_link.h"
#include "rpc/foreign_protocol.h"
#include "rpc/inbox_port.h"
#include "tinypb/frame.h"
#include "tinypb/peer_watch.h"

namespace rocket::tinypb {

class ClientLink;
struct ClientCall;

/// One connection of a ClientLink: replies in, and the calls that were sent on it. Destroyed by its link after
/// the connection has closed.
class ClientSession final : public io::ConnectionHandler, public rpc::RoomWaiter {
 public:
  ClientSession(std::shared_ptr<ClientLink> link, std::shared_ptr<io::Connection> connection,
                const rpc::Keepalive& keepalive);
  ~ClientSession();

  void start() { connection_->start(*this); }
  io::Connection& connection() { return *connection_; }
  const io::Connection& connection() const { return *connection_; }
  ClientLink& link() { return *link_; }
  PeerWatch& watch() { return watch_; }
  const PeerWatch& watch() const { return watch_; }
  /// Whether a peer that is not rocket-rpc, and must never have two pending requests, may be sent one.
  bool free() const { return connection_->open() && calls.empty() && given_up_id.empty() && held.call == nullptr; }
  /// Text saying why its connection was closed for bad input.
  std::string why_rejected() const;

  std::list<ClientSession>::iterator at;  ///< where its link keeps it
  rpc::CallLink calls;                    ///< the ClientCalls encoded to this connection, oldest first
  bool got_reply = false;                 ///< the peer has answered at least once
  /// Requests written, or to be written, without a reply yet, including those of cancelled calls.
  std::size_t unanswered = 0;
  /// Of the request whose caller no longer waits, while the reply may still come and the peer is not known.
  std::string given_up_id;
  /// With short connections: the call that is not sent until the peer is known to be rocket-rpc.
  struct {
    ClientCall* call = nullptr;
    std::uint32_t generation = 0;
  } held;

  // ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  bool on_large_frame(OwnedBytes& frame) override;
  bool on_out_of_memory(ByteSpan begun, std::size_t frame_bytes) override;
  bool busy() const override { return !calls.empty(); }
  bool serves() const override { return false; }
  bool owed() const override { return unanswered > 0; }
  void on_closed(io::CloseReason reason) override;
  // RoomWaiter
  void on_inbox_room() override;

 private:
  bool take_frame(ByteSpan frame, OwnedBytes* block);
  void count_reply();

  const std::shared_ptr<ClientLink> link_;
  const std::shared_ptr<io::Connection> connection_;
  PeerWatch watch_;
  DecodeError rejected_ = DecodeError::kNone;
  rpc::Foreign foreign_ = rpc::Foreign::kNone;
};

}  // namespace rocket::tinypb
