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
  std::string_view trailers;  ///< metadata after the message, if the protocol has trailers
  Payload payload;
};

/// One server connection of any protocol: it reads requests and passes them to ServerShard::admit(), and writes the
/// answers of the shard. Belongs to its shard, and to its io thread.
///
/// For each call it gets message() any number of times, finish() or reply() at most once (neither if its peer has gone
/// or has cancelled it), and release() last. After finish() JavaScript still holds the call.
class CallSession : public io::ConnectionHandler, public RoomWaiter {
 public:
  CallSession(ServerShard& shard, std::shared_ptr<io::Connection> connection);
  virtual ~CallSession();
  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  // Called by the shard:
  /// Sends the metadata of the answer before its first message. Without this call it has none.
  virtual void headers(ServerCall&, std::string_view) {}
  /// JavaScript has handled this many bytes of a streamed request.
  virtual void taken(ServerCall&, std::size_t) {}
  /// One message of the answer; more may follow.
  virtual void message(ServerCall& call, Payload& payload) = 0;
  /// The end of the answer. `text` is the message of an error, `trailers` the metadata behind the last message.
  virtual void finish(ServerCall& call, const Status& status, std::string_view text, std::string_view trailers) = 0;
  /// message() and finish() in one.
  virtual void reply(ServerCall& call, Reply& reply) = 0;
  /// JavaScript has released the call. Its slot is reused afterwards.
  virtual void release(ServerCall& call) = 0;
  /// No new call is admitted from now on.
  virtual void begin_draining() {}
  /// The connection has reached its age: its peer is told to make another one, and this one ends with its last call.
  /// False: the protocol cannot tell the peer, and calls may be under way.
  virtual bool retire(io::CloseReason) { return false; }
  /// The peer that was told has had time to react, or has been told everything.
  virtual void finish_retiring() {}
  /// All its calls are finished. If closing takes too long, the shard closes the connection itself.
  virtual void close() { connection_->close_when_written(); }

  io::Connection& connection() { return *connection_; }
  const std::shared_ptr<io::Connection>& shared_connection() const { return connection_; }
  CallLink& calls() { return calls_; }
  ConnectionLifetime& lifetime() { return lifetime_; }

  std::size_t index = 0;  ///< its index in the shard

 protected:
  const std::shared_ptr<Server> server_;
  ServerShard& shard_;
  const std::shared_ptr<io::Connection> connection_;
  ConnectionLifetime lifetime_;

 private:
  CallLink calls_;  ///< calls that are admitted and not released
};

}  // namespace rocket::rpc
