#include "rpc/server_shard.h"

#include <netinet/in.h>
#include <unistd.h>

#include "rpc/engine.h"
#include "rpc/server.h"
#include "tinypb/server_session.h"

namespace rocket::rpc {

namespace {

/// How long a peer may take to read its last replies once the server is closing.
constexpr Millis kFlushTimeout{1000};
constexpr int kLogLinesPerSecond = 10;

}  // namespace

ServerShard::ServerShard(Server& server, Lane& lane) : server_(server), lane_(lane), ends_awaited_(lane.io) {}

ServerShard::~ServerShard() = default;

void ServerShard::attach() { port_ = lane_.port_for(server_.inbox()); }

void ServerShard::adopt(std::vector<io::Accepted> batch) {
  for (const auto& accepted : batch) {
    if (draining_ || abandoned_) {
      ::close(accepted.fd);
      server_.on_connection_gone();
      continue;
    }
    const int protocol = accepted.family == AF_UNIX ? 0 : IPPROTO_TCP;
    io::StreamSocket socket(lane_.io.context());
    std::error_code error;
    socket.assign({accepted.family, protocol}, accepted.fd, error);
    if (error) {
      ::close(accepted.fd);
      server_.on_connection_gone();
      log("could not watch an accepted connection: " + error.message());
      continue;
    }
    auto connection = std::make_shared<io::Connection>(lane_.io, std::move(socket), accepted.peer,
                                                       server_.options().connection, server_.gauges);
    auto session = std::make_unique<tinypb::ServerSession>(server_.shared_from_this(), *this, std::move(connection));
    session->index = sessions_.size();
    sessions_.push_back(std::move(session));
    server_.counters.connections_total.fetch_add(1, std::memory_order_relaxed);
    sessions_.back()->start();
  }
}

void ServerShard::begin_draining() {
  if (draining_) return;
  draining_ = true;
  ends_awaited_.set(true);
  maybe_drained();
}

// A draining shard starts no calls, so this happens once.
void ServerShard::maybe_drained() {
  if (!draining_ || calls_ > 0) return;
  ends_awaited_.set(false);
  server_.on_shard_drained();
}

void ServerShard::finish() {
  finishing_ = true;
  lane_.io.timers().arm(flush_timer_, lane_.io.now() + kFlushTimeout.count());
  for (const auto& session : sessions_) {
    session->abort_calls({Code::kUnavailable}, "the server closed before the call was finished");
    session->connection().close_when_written();
  }
  maybe_closed();
}

void ServerShard::on_flush_over(Timer& timer) {
  for (const auto& session : static_cast<FlushTimer&>(timer).shard.sessions_) {
    session->connection().close(io::CloseReason::kLocal);
  }
}

void ServerShard::abandon() {
  draining_ = finishing_ = abandoned_ = true;
  for (const auto& session : sessions_) session->connection().close(io::CloseReason::kLocal);
  CallLink held;
  held.take_all(orphans_);
  orphan(held);
}

void ServerShard::maybe_closed() {
  if (!finishing_ || closed_ || !sessions_.empty() || !orphans_.empty()) return;
  // The last session may have held the server, and JavaScript lets go of it when it hears of the end.
  const auto keep = server_.shared_from_this();
  closed_ = true;
  lane_.io.timers().cancel(flush_timer_);
  if (server_.on_shard_closed()) port_->push_always({.kind = EventKind::kServerClosed, .owner = server_.number()});
}

ServerCall* ServerShard::start_call(tinypb::ServerSession& session) {
  ServerCall* call = lane_.server_calls.allocate();
  if (call == nullptr) return nullptr;
  call->session = &session;
  call->shard = this;
  call->connection = session.connection_.get();
  ++calls_;
  server_.counters.calls_in_flight.fetch_add(1, std::memory_order_relaxed);
  return call;
}

void ServerShard::withdraw(ServerCall& call) {
  on_call_gone(call);
  lane_.server_calls.release(call);
}

void ServerShard::on_call_gone(const ServerCall& call) {
  --calls_;
  if (!call.counted_out) server_.counters.calls_in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void ServerShard::count_out(ServerCall& call) {
  call.counted_out = true;
  call.shard->server_.counters.calls_in_flight.fetch_sub(1);
}

void ServerShard::count_in(ServerCall& call) {
  call.counted_out = false;
  call.shard->server_.counters.calls_in_flight.fetch_add(1);
}

void ServerShard::release(ServerCall& call) {
  lane_.io.timers().cancel(call);
  static_cast<CallLink&>(call).unlink();
  tinypb::ServerSession* session = call.session;
  on_call_gone(call);
  lane_.server_calls.release(call);
  if (session != nullptr) session->on_call_over();
  maybe_drained();
  maybe_closed();
}

void ServerShard::end_call(Lane& lane, CallId id, Reply* reply) {
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr) return;
  if (!call->answered.exchange(true, std::memory_order_acq_rel) && call->session != nullptr) {
    Reply expired{{Code::kDeadlineExceeded}, "deadline exceeded before the server could start the call", {}, {}};
    call->session->reply(*call, reply != nullptr ? *reply : expired);
  }
  call->shard->release(*call);
}

void ServerShard::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ServerCall&>(timer);
  if (call.answered.exchange(true, std::memory_order_acq_rel)) return;
  call.shard->server_.counters.calls_expired.fetch_add(1, std::memory_order_relaxed);
  constexpr Status kExpired{Code::kDeadlineExceeded};
  Reply reply{kExpired, "deadline exceeded: the handler did not answer in time", {}, {}};
  if (call.session != nullptr) call.session->reply(call, reply);
  call.shard->abort(call, kExpired);
}

void ServerShard::abort(ServerCall& call, const Status& status) {
  port_->push_always({.kind = EventKind::kAbort,
                      .owner = server_.number(),
                      .id_low = call.id.low,
                      .id_high = call.id.high,
                      .code = status.word()});
}

void ServerShard::orphan(ListLink& calls) {
  while (!calls.empty()) {
    auto& call = static_cast<ServerCall&>(static_cast<CallLink&>(*calls.next));
    lane_.io.timers().cancel(call);
    if (call.session != nullptr) call.kept_connection = call.session->connection_;
    call.session = nullptr;
    static_cast<CallLink&>(call).unlink();
    const bool answered = call.answered.exchange(true, std::memory_order_acq_rel);
    if (abandoned_) {
      release(call);
      continue;
    }
    orphans_.push_back(static_cast<CallLink&>(call));
    if (!answered) abort(call, {Code::kCancelled, Reason::kPeerGone});
  }
}

void ServerShard::remove(tinypb::ServerSession& session) {
  const std::size_t index = session.index;
  std::swap(sessions_[index], sessions_.back());
  sessions_[index]->index = index;
  sessions_.pop_back();
  server_.on_connection_gone();
  maybe_closed();
}

void ServerShard::log(std::string_view line) {
  const SteadyMs second = lane_.io.now() / 1000;
  if (second != log_second_) lines_this_second_ = 0;
  log_second_ = second;
  bool taken = ++lines_this_second_ <= kLogLinesPerSecond;
  if (taken) {
    if (const auto& sink = server_.options().log)
      sink(line);
    else
      taken = port_->push({.kind = EventKind::kLog, .owner = server_.number(), .text = as_bytes(line)});
  }
  if (!taken) server_.counters.log_lines_dropped.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace rocket::rpc
