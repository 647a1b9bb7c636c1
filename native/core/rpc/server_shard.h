#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/list_link.h"
#include "io/acceptor.h"
#include "rpc/call_counts.h"
#include "rpc/call_session.h"
#include "rpc/consumer.h"
#include "rpc/inbox_port.h"
#include "rpc/request_head.h"
#include "rpc/server_call.h"
#include "rpc/status.h"

namespace rocket::tls {
class Context;
}

namespace rocket::rpc {

class Lane;
class Preface;
class Server;

/// A server's part on one io thread: its sessions, and the calls whose connection is closed but which JavaScript still
/// holds. Everything here runs on that thread.
class ServerShard {
 public:
  ServerShard(Server& server, Lane& lane);
  ~ServerShard();

  /// Adds a consumer that handles requests. Called before requests come.
  void attach(std::shared_ptr<const Consumer> consumer);
  /// Removes a consumer, and answers its calls. Another one is left, or the server is abandoned.
  void detach(const Consumer& consumer);
  void adopt(std::vector<io::Accepted> batch);
  void set_tls(std::shared_ptr<const tls::Context> context);
  void begin_draining();
  /// Ends running calls and closes every connection once it is flushed.
  void finish();
  void abandon();

  // Commands of JavaScript for a call that it holds. A call that is answered already, for example natively, is not
  // answered again.
  static void send_headers(Lane& lane, CallId id, std::string_view metadata);
  static void note_taken(Lane& lane, CallId id, std::int32_t bytes);
  static void send_message(Lane& lane, CallId id, Payload& payload);
  static void finish_call(Lane& lane, CallId id, const Status& status, std::string_view text,
                          std::string_view trailers);
  /// The last command. A call that is not answered by then came too late for its handler.
  static void release_call(Lane& lane, CallId id);
  /// finish_call() with all of a single reply, and release_call(), in one.
  static void reply_call(Lane& lane, CallId id, Reply& reply);
  static void on_call_deadline(Timer& timer);

  // js thread, for a call it holds:
  /// Called before its answer is sent, because the peer may call again at once after it: limits must not count this
  /// call then.
  static void count_out(ServerCall& call);
  /// The answer was not sent after all.
  static void count_in(ServerCall& call);

  // Called by sessions.
  Admission admit(CallSession& session, RequestHead& head);
  /// A message of a call that was admitted as open. False: the Inbox is full, and on_inbox_room() of the session
  /// follows.
  bool tell_message(ServerCall& call, ByteSpan message, OwnedBytes* block, std::int32_t flags);
  bool tell_half_close(ServerCall& call);
  /// JavaScript may send this many more bytes.
  void tell_room(ServerCall& call, std::size_t bytes);
  /// Counts a request that is answered with an error before it is handled.
  void count_refused();
  /// The peer no longer waits for the call's answer; nothing is written for it any more.
  void cancel(ServerCall& call, const Status& status);
  /// Answers the calls of a session with an error, and closes it.
  void end_session(CallSession& session, const Status& status, std::string_view text);
  /// The time with a random deviation of up to a tenth.
  Millis jittered(Millis time);
  /// The connection of a session has closed: its calls lose their peer.
  void orphan(CallSession& session);
  /// Destroys a session.
  void remove(CallSession& session);
  // Called by prefaces.
  /// Adds the session of a connection whose protocol is known now.
  void add(std::unique_ptr<CallSession> session);
  /// Destroys a preface whose connection was added.
  void forget(Preface& preface);
  /// Destroys a preface whose connection has closed.
  void remove(Preface& preface);
  void log(std::string_view line);
  /// For how long JavaScript has not read its events (Inbox::probe()): the least value of all consumers.
  SteadyMs probe();

  /// Scope in which all requests that have arrived on a connection are admitted in a row (InboxPort::begin_burst()).
  class Burst {
   public:
    explicit Burst(ServerShard& shard) : shard_(shard) {
      for (const auto& each : shard_.consumers_) each->port->begin_burst();
    }
    ~Burst() {
      for (const auto& each : shard_.consumers_) each->port->end_burst();
    }
    Burst(const Burst&) = delete;
    Burst& operator=(const Burst&) = delete;

   private:
    ServerShard& shard_;
  };

  Server& server() { return server_; }
  Lane& lane() { return lane_; }
  bool draining() const { return draining_; }
  /// Prefaces that are in a handshake, the oldest first.
  ListLink& handshakes() { return handshakes_; }
  /// Null: the server has no TLS.
  const std::shared_ptr<const tls::Context>& tls() const { return tls_; }

 private:
  bool offer(ServerCall& call, const Event& event, OwnedBytes* block);
  /// The consumer for the next request.
  ShardConsumer& pick_consumer() { return *consumers_.front(); }
  Admission refuse(const Status& status, std::string_view text);
  static ServerCall* find_unanswered(Lane& lane, CallId id);
  static bool claim(ServerCall& call);
  static bool claim_handed_over(ServerCall& call);
  void release(ServerCall& call);
  static void on_call_gone(const ServerCall& call);
  /// Ends the calls of the list that JavaScript still has, and answers their peer.
  void end_calls(CallLink& calls, const Status& status, std::string_view text);
  /// Notifies JavaScript that one of its calls is over; the slot stays in use until JavaScript releases it.
  void tell_aborted(const ServerCall& call, const Status& status);
  void release_all(CallLink& calls, const ShardConsumer& consumer);
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
  CallCounts::Share& counts_;
  std::vector<std::unique_ptr<ShardConsumer>> consumers_;
  ListLink handshakes_;
  std::vector<std::unique_ptr<Preface>> prefaces_;
  std::vector<std::unique_ptr<CallSession>> sessions_;
  CallLink orphans_;
  std::shared_ptr<const tls::Context> tls_;
  std::string refusal_;  ///< text of the last refusal that was composed
  /// Set while the shard drains.
  io::TasksAwaited ends_awaited_;
  FlushTimer flush_timer_{*this};
  std::minstd_rand random_;
  SteadyMs log_second_ = 0;
  int lines_this_second_ = 0;
  bool draining_ = false;
  bool drained_ = false;
  bool finishing_ = false;
  bool abandoned_ = false;
  bool closed_ = false;
};

}  // namespace rocket::rpc
