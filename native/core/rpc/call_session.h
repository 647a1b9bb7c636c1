#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "io/connection.h"
#include "rpc/call_link.h"
#include "rpc/connection_lifetime.h"
#include "rpc/inbox_port.h"
#include "rpc/payload.h"
#include "rpc/status.h"

namespace rocket::rpc {

class Server;
class ServerShard;
struct ServerCall;

/// The whole answer to a call with one reply: a message and OK, or an error.
struct Reply {
  Status status;
  std::string_view text;      ///< message of an error, metadata of a success
  std::string_view trailers;  ///< metadata behind the message, where the protocol has such a place
  Payload payload;
};

/// One server connection, whatever it speaks: it reads requests and gives them to ServerShard::admit(), and writes what
/// the shard says of its calls. Belongs to its shard, and to its io thread.
///
/// Of a call it hears message() any number of times, finish() or reply() at most once, neither when its peer has gone
/// or has cancelled it, and release() last. After finish() the call is still JavaScript's.
class CallSession : public io::ConnectionHandler, public RoomWaiter {
 public:
  CallSession(ServerShard& shard, std::shared_ptr<io::Connection> connection);
  virtual ~CallSession();
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  // Called by the shard:
  /// The metadata of the answer, early; without it the first message or the end brings none.
  virtual void headers(ServerCall&, std::string_view) {}
  /// JavaScript has handled so many bytes of a request that streams.
  virtual void taken(ServerCall&, std::size_t) {}
  /// One message of the answer; more may follow.
  virtual void message(ServerCall& call, Payload& payload) = 0;
  /// The end of the answer. `text` is the message of an error, `trailers` the metadata behind the last message.
  virtual void finish(ServerCall& call, const Status& status, std::string_view text, std::string_view trailers) = 0;
  /// message() and finish() in one.
  virtual void reply(ServerCall& call, Reply& reply) = 0;
  /// JavaScript has let go of the call, whose slot is used again afterwards.
  virtual void release(ServerCall& call) = 0;
  /// No new call is admitted from now on.
  virtual void begin_draining() {}
  /// The connection has lived long enough: its peer is to make another one, and this one ends with its last call.
  /// False: the protocol cannot tell the peer, and calls may be on their way.
  virtual bool retire(io::CloseReason) { return false; }
  /// A peer that was told has had the time to take notice, or has been told everything.
  virtual void finish_retiring() {}
  /// Its calls are finished. The shard closes the connection itself when that takes too long.
  virtual void close() { connection_->close_when_written(); }

  io::Connection& connection() { return *connection_; }
  const std::shared_ptr<io::Connection>& shared_connection() const { return connection_; }
  CallLink& calls() { return calls_; }
  ConnectionLifetime& lifetime() { return lifetime_; }

  std::size_t index = 0;  ///< where the shard keeps it

 protected:
  const std::shared_ptr<Server> server_;
  ServerShard& shard_;
  const std::shared_ptr<io::Connection> connection_;
  ConnectionLifetime lifetime_;

 private:
  CallLink calls_;  ///< admitted, and not released
};

}  // namespace rocket::rpc
