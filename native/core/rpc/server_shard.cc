#include "rpc/server_shard.h"

#include "base/thread_check.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "rpc/engine.h"
#include "rpc/events.h"
#include "rpc/preface.h"
#include "rpc/protocol.h"
#include "rpc/server.h"

namespace rocket::rpc {

namespace {

/// How long a peer may take to read its last replies once the server is closing.
constexpr Millis kFlushTimeout{1000};
constexpr int kLogLinesPerSecond = 10;

}  // namespace

ServerShard::ServerShard(Server& server, Lane& lane)
    : server_(server),
      lane_(lane),
      tls_(server.options().tls.context),
      ends_awaited_(lane.io),
      random_(std::random_device()()) {}

ServerShard::~ServerShard() = default;

void ServerShard::attach(std::shared_ptr<const Consumer> consumer) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto port = lane_.port_for(consumer->inbox());
  consumers_.push_back(std::make_unique<ShardConsumer>(*this, std::move(consumer), std::move(port)));
}

void ServerShard::detach(const Consumer& consumer) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const auto found = std::find_if(consumers_.begin(), consumers_.end(),
                                  [&](const auto& each) { return each->consumer.get() == &consumer; });
  if (found == consumers_.end()) return;
  for (const auto& session : sessions_) release_all(session->calls(), **found);
  release_all(orphans_, **found);
  for (const auto& session : sessions_) (*found)->port->forget(*session);
  consumers_.erase(found);
  for (const auto& session : sessions_) session->on_inbox_room();
  maybe_drained();
  maybe_closed();
}

void ServerShard::release_all(CallLink& calls, const ShardConsumer& consumer) {
  for (ListLink* link = calls.next; link != &calls;) {
    auto& call = static_cast<ServerCall&>(static_cast<CallLink&>(*link));
    link = link->next;
    if (call.consumer != &consumer) continue;
    if (claim(call)) call.session->finish(call, {Code::kUnavailable}, "the server's thread has ended", {});
    release(call);
  }
}

void ServerShard::adopt(std::vector<io::Accepted> batch) {
  ROCKET_ON_IO_THREAD(lane_.io);
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
    prefaces_.push_back(std::make_unique<Preface>(*this, std::move(connection)));
    prefaces_.back()->index = prefaces_.size() - 1;
    server_.counters.connections_total.fetch_add(1, std::memory_order_relaxed);
    prefaces_.back()->start();
  }
}

void ServerShard::set_tls(std::shared_ptr<const tls::Context> context) {
  ROCKET_ON_IO_THREAD(lane_.io);
  tls_ = std::move(context);
}

void ServerShard::begin_draining() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (draining_) return;
  draining_ = true;
  ends_awaited_.set(true);
  for (const auto& session : sessions_) session->begin_draining();
  maybe_drained();
}

void ServerShard::maybe_drained() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!draining_ || drained_) return;
  for (const auto& each : consumers_) {
    if (each->calls > 0) return;
  }
  drained_ = true;
  ends_awaited_.set(false);
  server_.on_shard_drained();
}

void ServerShard::finish() {
  ROCKET_ON_IO_THREAD(lane_.io);
  finishing_ = true;
  lane_.io.timers().arm(flush_timer_, lane_.io.now() + kFlushTimeout.count());
  for (const auto& session : sessions_) {
    end_session(*session, {Code::kUnavailable}, "the server closed before the call was finished");
  }
  for (const auto& preface : prefaces_) preface->connection().close(io::CloseReason::kLocal);
  maybe_closed();
}

void ServerShard::on_flush_over(Timer& timer) {
  for (const auto& session : static_cast<FlushTimer&>(timer).shard.sessions_) {
    session->connection().close(io::CloseReason::kLocal);
  }
}

void ServerShard::abandon() {
  ROCKET_ON_IO_THREAD(lane_.io);
  draining_ = finishing_ = abandoned_ = true;
  for (const auto& session : sessions_) session->connection().close(io::CloseReason::kLocal);
  for (const auto& preface : prefaces_) preface->connection().close(io::CloseReason::kLocal);
  while (!orphans_.empty()) release(static_cast<ServerCall&>(static_cast<CallLink&>(*orphans_.next)));
}

void ServerShard::maybe_closed() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!finishing_ || closed_ || !prefaces_.empty() || !sessions_.empty() || !orphans_.empty()) return;
  // The last session may have owned the server, and JavaScript releases it when notified of the end.
  const auto keep = server_.shared_from_this();
  closed_ = true;
  lane_.io.timers().cancel(flush_timer_);
  if (!server_.on_shard_closed()) return;
  for (const auto& each : consumers_) {
    each->port->push_always(ServerClosedEvent{.server = each->consumer->number()});
  }
}

void ServerShard::on_call_gone(const ServerCall& call) {
  --call.consumer->calls;
  if (!call.counted_out) {
    call.consumer->shard.server_.counters.calls_in_flight.fetch_sub(1, std::memory_order_relaxed);
  }
}

void ServerShard::count_out(ServerCall& call) {
  call.counted_out = true;
  call.consumer->shard.server_.counters.calls_in_flight.fetch_sub(1);
}

void ServerShard::count_in(ServerCall& call) {
  call.counted_out = false;
  call.consumer->shard.server_.counters.calls_in_flight.fetch_add(1);
}

/// Whether this thread may answer the call, and somebody is there to be answered.
bool ServerShard::claim(ServerCall& call) {
  return !call.answered.exchange(true, std::memory_order_acq_rel) && call.session != nullptr;
}

void ServerShard::release(ServerCall& call) {
  ROCKET_ON_IO_THREAD(lane_.io);
  lane_.io.timers().cancel(call);
  static_cast<CallLink&>(call).unlink();
  on_call_gone(call);
  if (call.session != nullptr) call.session->release(call);
  lane_.server_calls.release(call);
  maybe_drained();
  maybe_closed();
}

void ServerShard::reply_call(Lane& lane, CallId id, Reply& reply) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr) return;
  if (claim(*call)) call->session->reply(*call, reply);
  call->consumer->shard.release(*call);
}

/// The call, if its answer has not ended and somebody is there to get more of it.
ServerCall* ServerShard::find_unanswered(Lane& lane, CallId id) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  const bool over = call == nullptr || call->answered.load(std::memory_order_acquire) || call->session == nullptr;
  return over ? nullptr : call;
}

void ServerShard::send_message(Lane& lane, CallId id, Payload& payload) {
  if (ServerCall* call = find_unanswered(lane, id)) call->session->message(*call, payload);
}

void ServerShard::send_headers(Lane& lane, CallId id, std::string_view metadata) {
  if (ServerCall* call = find_unanswered(lane, id)) call->session->headers(*call, metadata);
}

void ServerShard::note_taken(Lane& lane, CallId id, std::int32_t bytes) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr || call->session == nullptr || bytes <= 0) return;
  call->session->taken(*call, static_cast<std::size_t>(bytes));
}

bool ServerShard::tell_message(ServerCall& call, ByteSpan message, OwnedBytes* block, std::int32_t flags) {
  return offer(call,
               MessageEvent{.server = call.consumer->consumer->number(),
                            .call = call.id,
                            .payload = message,
                            .string_fields = call.method->string_fields,
                            .flags = flags},
               block);
}

bool ServerShard::tell_half_close(ServerCall& call) {
  return offer(call, HalfCloseEvent{.server = call.consumer->consumer->number(), .call = call.id}, nullptr);
}

bool ServerShard::offer(ServerCall& call, const Event& event, OwnedBytes* block) {
  const bool pushed = call.consumer->port->push(event, block);
  if (!pushed) call.consumer->port->wait_for_room(*call.session);
  return pushed;
}

void ServerShard::tell_room(ServerCall& call, std::size_t bytes) {
  call.consumer->port->push_always(RoomEvent{
      .server = call.consumer->consumer->number(), .call = call.id, .bytes = static_cast<std::int32_t>(bytes)});
}

void ServerShard::finish_call(Lane& lane, CallId id, const Status& status, std::string_view text,
                              std::string_view trailers) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call != nullptr && claim(*call)) call->session->finish(*call, status, text, trailers);
}

void ServerShard::release_call(Lane& lane, CallId id) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr) return;
  if (claim(*call)) {
    constexpr std::string_view kText = "deadline exceeded before the server could start the call";
    call->session->finish(*call, {Code::kDeadlineExceeded}, kText, {});
  }
  call->consumer->shard.release(*call);
}

void ServerShard::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ServerCall&>(timer);
  if (call.answered.exchange(true, std::memory_order_acq_rel)) return;
  constexpr Status kExpired{Code::kDeadlineExceeded};
  ServerShard& shard = call.consumer->shard;
  ROCKET_ON_IO_THREAD(shard.lane_.io);
  shard.server_.counters.calls_expired.fetch_add(1, std::memory_order_relaxed);
  if (call.session != nullptr) {
    call.session->finish(call, kExpired, "deadline exceeded: the handler did not answer in time", {});
  }
  shard.tell_aborted(call, kExpired);
}

void ServerShard::end_calls(CallLink& calls, const Status& status, std::string_view text) {
  ROCKET_ON_IO_THREAD(lane_.io);
  for (ListLink* link = calls.next; link != &calls; link = link->next) {
    auto& call = static_cast<ServerCall&>(static_cast<CallLink&>(*link));
    if (!claim(call)) continue;
    call.session->finish(call, status, text, {});
    tell_aborted(call, status);
  }
}

void ServerShard::end_session(CallSession& session, const Status& status, std::string_view text) {
  ROCKET_ON_IO_THREAD(lane_.io);
  end_calls(session.calls(), status, text);
  session.close();
}

Millis ServerShard::jittered(Millis time) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const auto tenths = std::uniform_int_distribution<std::int64_t>(900, 1100)(random_);
  return Millis(std::max<std::int64_t>(time.count() * tenths / 1000, 1));
}

void ServerShard::cancel(ServerCall& call, const Status& status) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!call.answered.exchange(true, std::memory_order_acq_rel)) tell_aborted(call, status);
}

void ServerShard::tell_aborted(const ServerCall& call, const Status& status) {
  call.consumer->port->push_always(
      AbortEvent{.server = call.consumer->consumer->number(), .call = call.id, .status = status});
}

void ServerShard::orphan(CallSession& session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  for (const auto& each : consumers_) each->port->forget(session);
  CallLink& calls = session.calls();
  while (!calls.empty()) {
    auto& call = static_cast<ServerCall&>(static_cast<CallLink&>(*calls.next));
    lane_.io.timers().cancel(call);
    call.kept_connection = session.shared_connection();
    call.session = nullptr;
    static_cast<CallLink&>(call).unlink();
    const bool answered = call.answered.exchange(true, std::memory_order_acq_rel);
    if (abandoned_) {
      release(call);
      continue;
    }
    orphans_.push_back(static_cast<CallLink&>(call));
    if (!answered) tell_aborted(call, {Code::kCancelled, Reason::kPeerGone});
  }
}

void ServerShard::remove(CallSession& session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  // The session may have the last reference to an abandoned server, which owns this shard.
  const auto keep = server_.shared_from_this();
  const std::size_t index = session.index;
  std::swap(sessions_[index], sessions_.back());
  sessions_[index]->index = index;
  sessions_.pop_back();
  server_.on_connection_gone();
  maybe_closed();
}

void ServerShard::add(std::unique_ptr<CallSession> session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  session->index = sessions_.size();
  session->lifetime().start();
  sessions_.push_back(std::move(session));
  if (draining_) sessions_.back()->begin_draining();
}

void ServerShard::forget(Preface& preface) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const std::size_t index = preface.index;
  std::swap(prefaces_[index], prefaces_.back());
  prefaces_[index]->index = index;
  prefaces_.pop_back();
}

void ServerShard::remove(Preface& preface) {
  ROCKET_ON_IO_THREAD(lane_.io);
  forget(preface);
  server_.on_connection_gone();
  maybe_closed();
}

void ServerShard::log(std::string_view line) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const SteadyMs second = lane_.io.now() / 1000;
  if (second != log_second_) lines_this_second_ = 0;
  log_second_ = second;
  bool taken = ++lines_this_second_ <= kLogLinesPerSecond;
  if (taken) {
    if (const auto& sink = server_.options().log) {
      sink(line);
    } else {
      taken = !consumers_.empty() &&
              consumers_.front()->port->push(LogEvent{.server = consumers_.front()->consumer->number(), .text = line});
    }
  }
  if (!taken) server_.counters.log_lines_dropped.fetch_add(1, std::memory_order_relaxed);
}

SteadyMs ServerShard::probe() {
  ROCKET_ON_IO_THREAD(lane_.io);
  SteadyMs least = consumers_.empty() ? 0 : std::numeric_limits<SteadyMs>::max();
  for (const auto& each : consumers_) least = std::min(least, each->port->probe());
  return least;
}

}  // namespace rocket::rpc
