#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/list_link.h"
#include "io/acceptor.h"
#include "rpc/inbox_port.h"
#include "rpc/server_call.h"
#include "rpc/status.h"

namespace rocket::rpc {

class Lane;
class Server;

/// A reply as JavaScript made it.
struct Reply {
  Status status;
  std::string_view text;  ///< message of an error, metadata of a success
  ByteSpan body;
  OwnedBytes large_body;  ///< used instead of `body` when not empty
};

/// What a server has on one io thread: its sessions, and the calls whose connection is gone but which JavaScript still
/// holds. Everything here runs on that thread.
class ServerShard {
 public:
  ServerShard(Server& server, Lane& lane);
  ~ServerShard();

  /// First of all: binds the shard to its thread.
  void attach();
  void adopt(std::vector<io::Accepted> batch);
  void begin_draining();
  /// Ends what still runs and closes every connection once it is flushed.
  void finish();
  void abandon();

  /// JavaScript's one message that ends a call: its reply, or nothing but the end when `reply` is null.
  static void end_call(Lane& lane, CallId id, Reply* reply);
  static void on_call_deadline(Timer& timer);

  // js thread, for a call it holds:
  /// Before its answer leaves, after which the peer may call again at once: limits must not count this call then.
  static void count_out(ServerCall& call);
  /// The answer has not left.
  static void count_in(ServerCall& call);

  // Called by sessions.
  ServerCall* start_call(tinypb::ServerSession& session);
  /// Takes back a call that was never delivered.
  void withdraw(ServerCall& call);
  /// Tells JavaScript that a delivered call is over; the slot stays until it acknowledges.
  void abort(ServerCall& call, const Status& status);
  void orphan(ListLink& calls);
  void remove(tinypb::ServerSession& session);
  void log(std::string_view line);

  Server& server() { return server_; }
  Lane& lane() { return lane_; }
  InboxPort& port() { return *port_; }
  bool draining() const { return draining_; }

 private:
  void release(ServerCall& call);
  void on_call_gone(const ServerCall& call);
  /// Reports the end of the last call of a draining shard.
  void maybe_drained();
  void maybe_closed();
  static void on_flush_over(Timer& timer);

  struct FlushTimer : Timer {
    explicit FlushTimer(ServerShard& owner) : Timer(&ServerShard::on_flush_over), shard(owner) {}
    ServerShard& shard;
  };

  Server& server_;
  Lane& lane_;
  std::shared_ptr<InboxPort> port_;
  std::vector<std::unique_ptr<tinypb::ServerSession>> sessions_;
  CallLink orphans_;
  std::size_t calls_ = 0;  ///< started and not released
  /// While the shard drains.
  io::TasksAwaited ends_awaited_;
  FlushTimer flush_timer_{*this};
  SteadyMs log_second_ = 0;
  int lines_this_second_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
  bool abandoned_ = false;
  bool closed_ = false;
};

}  // namespace rocket::rpc
