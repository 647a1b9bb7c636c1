// Admits requests that sessions have read, for all protocols.

#include <algorithm>

#include "base/thread_check.h"
#include "rpc/engine.h"
#include "rpc/events.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"
#include "rpc/unknown_method.h"

namespace rocket::rpc {

void ServerShard::count_refused() {
  ROCKET_ON_IO_THREAD(lane_.io);
  server_.counters.calls_refused.fetch_add(1, std::memory_order_relaxed);
}

Admission ServerShard::refuse(const Status& status, std::string_view text) {
  count_refused();
  return {Admission::Is::kRefused, nullptr, status, text};
}

Admission ServerShard::admit(CallSession& session, RequestHead& head) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const Method* method = head.method.method;
  if (method == nullptr) {
    refusal_ = unknown_method_text(head.method.why, head.service, head.name);
    return refuse({Code::kUnimplemented, head.method.why}, refusal_);
  }
  if (method->kind != MethodKind::kUnary && !head.may_stream) {
    refusal_ = method->name + " streams: call it with gRPC";
    return refuse({Code::kUnimplemented}, refusal_);
  }
  if (method->native != nullptr) return {Admission::Is::kNative};
  if (head.metadata.size() > std::max(kMostMetadataBytes, server_.options().max_metadata_bytes)) {
    return refuse({Code::kResourceExhausted},
                  "the request's metadata is over the server's limit (option maxMetadataBytes)");
  }
  if (draining_ || consumers_.empty()) return refuse(Status::refusal(Code::kUnavailable), "the server is closing");
  const auto& options = server_.options();
  ServerCall* call = server_.calls.in_flight() >= static_cast<std::int64_t>(options.max_calls)
                         ? nullptr
                         : lane_.server_calls.allocate();
  if (call == nullptr) {
    return refuse(Status::refusal(Code::kResourceExhausted),
                  "too many calls in flight on the server (option maxCallsInFlight)");
  }
  ShardConsumer& consumer = pick_consumer();
  const SteadyMs timeout = head.timeout > 0 ? std::min<SteadyMs>(head.timeout, options.max_timeout.count())
                                            : options.default_timeout.count();
  const SteadyMs deadline = lane_.io.now() + timeout;
  call->session = &session;
  call->consumer = &consumer;
  call->connection = &session.connection();
  call->msg_id.assign(head.msg_id);
  call->method = method;
  call->direct = head.direct;
  call->stream = head.stream;
  call->wire_stream = head.wire_stream;
  call->marks = head.marks;
  // Before JavaScript can get the call and count it out.
  ++consumer.calls;
  counts_.begin();
  const RequestEvent event{.server = consumer.consumer->number(),
                           .call = call->id,
                           .method = consumer.consumer->number_of(*method),
                           .deadline_ms = consumer.port->inbox().clock_ms(deadline),
                           .payload = head.message,
                           .string_fields = method->string_fields,
                           .metadata = head.metadata,
                           .peer = head.peer,
                           .msg_id = head.msg_id,
                           .flags = head.flags};
  if (!consumer.port->push(event, head.block)) {
    --consumer.calls;
    counts_.take_back();
    lane_.server_calls.release(*call);
    consumer.port->wait_for_room(session);
    return {Admission::Is::kInboxFull};
  }
  lane_.io.timers().arm(*call, deadline);
  session.calls().push_back(static_cast<CallLink&>(*call));
  return {Admission::Is::kAdmitted, call};
}

}  // namespace rocket::rpc
