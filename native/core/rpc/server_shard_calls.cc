// The calls of a shard: commands of JavaScript and events of their sessions.
#include "base/thread_check.h"
#include "rpc/engine.h"
#include "rpc/events.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::rpc {

void ServerShard::on_call_gone(const ServerCall& call) {
  --call.consumer->calls;
  if (!call.counted_out) call.consumer->shard.counts_.end();
}

void ServerShard::count_out(ServerCall& call) {
  call.counted_out = true;
  call.consumer->shard.server_.calls.count_out();
}

void ServerShard::count_in(ServerCall& call) {
  call.counted_out = false;
  call.consumer->shard.server_.calls.count_in();
}

/// Whether this thread may answer the call and its peer is still there.
bool ServerShard::claim(ServerCall& call) {
  return !call.answered.exchange(true, std::memory_order_acq_rel) && call.session != nullptr;
}

/// As claim(), for a command of JavaScript, which does not answer by itself what it has handed over: no thread
/// competes, and the exchange, an expensive instruction, is saved.
bool ServerShard::claim_handed_over(ServerCall& call) {
  if (call.answered.load(std::memory_order_acquire)) return false;
  call.answered.store(true, std::memory_order_release);
  return call.session != nullptr;
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

void ServerShard::release_all(CallLink& calls, const ShardConsumer& consumer) {
  for (ListLink* link = calls.next; link != &calls;) {
    auto& call = static_cast<ServerCall&>(static_cast<CallLink&>(*link));
    link = link->next;
    if (call.consumer != &consumer) continue;
    if (claim(call)) call.session->finish(call, {Code::kUnavailable}, "the server's thread has ended", {});
    release(call);
  }
}

void ServerShard::reply_call(Lane& lane, CallId id, Reply& reply) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr) return;
  if (claim_handed_over(*call)) call->session->reply(*call, reply);
  call->consumer->shard.release(*call);
}

/// The call, if its answer has not ended and its peer is still there.
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
  if (call != nullptr && claim_handed_over(*call)) call->session->finish(*call, status, text, trailers);
}

void ServerShard::release_call(Lane& lane, CallId id) {
  ROCKET_ON_IO_THREAD(lane.io);
  ServerCall* call = lane.server_calls.find(id);
  if (call == nullptr) return;
  if (claim_handed_over(*call)) {
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

}  // namespace rocket::rpc
