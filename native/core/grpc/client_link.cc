#include "grpc/client_link.h"

#include <algorithm>
#include <utility>

#include "base/thread_check.h"
#include "rpc/events.h"

namespace rocket::grpc {

namespace {

using rpc::Code;
using rpc::Status;

constexpr std::uint32_t kMostWindow = 8 << 20;

h2::Options h2_options(const rpc::ClientOptions& options) {
  h2::Options h2;
  h2.tag_of = &response_tag_of;
  h2.max_streams = h2::kMaxStreamId;
  h2.max_window = kMostWindow;
  h2.max_growth = options.max_buffered_reply_bytes / 2;
  h2.max_header_list_bytes = static_cast<std::uint32_t>(options.max_metadata_bytes);
  h2.min_ping_interval = Millis{0};
  return h2;
}

std::string authority_of(const rpc::ClientOptions& options, const rpc::ClientEndpointInfo& endpoint) {
  if (!options.authority.empty()) return options.authority;
  return endpoint.name.starts_with("unix:") ? "localhost" : endpoint.name;
}

constexpr SteadyMs kLongestKeepaliveMs = 2 * 3'600'000;

}  // namespace

const rpc::ClientProtocol kClientProtocol{"grpc",
                                          [](rpc::LinkSetup setup) -> std::shared_ptr<rpc::ClientLink> {
                                            return std::make_shared<ClientLink>(std::move(setup));
                                          },
                                          "h2", /* needs_alpn */ true};

ClientLink::ClientLink(rpc::LinkSetup setup)
    : rpc::ConnectingLink(std::move(setup)),
      h2_options_(h2_options(options())),
      prefix_(authority_of(options(), *endpoint_), options().user_agent, options().accept_encoding,
              options().tls != nullptr),
      keepalive_ms_(options().keepalive.time.count()),
      calls_(&ClientLink::on_call_deadline) {}

ClientLink::~ClientLink() = default;

void ClientLink::send(rpc::CallRequest& request) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (state() == rpc::LinkState::kClosed) return refuse(request, {Code::kCancelled}, "the channel is closed");
  ClientCall* const call = calls_.take();
  if (call == nullptr) {
    return refuse(request, {Code::kResourceExhausted},
                  "too many calls in flight on one connection (option connections)");
  }
  begin(*call, request);
  const auto kind = request.method->kind;
  call->single_reply = kind == rpc::MethodKind::kUnary || kind == rpc::MethodKind::kClientStream;
  call->open = request.open;
  if (request.lost_bytes > 0) {
    fail(*call, {Code::kResourceExhausted},
         "there is no memory for a request of " + std::to_string(request.lost_bytes) + " bytes");
  } else if (request.deadline <= lane_.io.now()) {
    fail(*call, {Code::kDeadlineExceeded}, "deadline exceeded before the call reached the network");
  } else if (current_ != nullptr && waiting_.empty() && current_->room() > 0) {
    rpc::Payload payload{request.body, std::move(request.large_body), request.compressed};
    current_->start(*call, request.metadata, payload);
    if (current_ != nullptr) on_room(*current_);
  } else if (state() == rpc::LinkState::kFailed) {
    fail(*call, {Code::kUnavailable}, last_error_);
  } else {
    wait(*call, request);
  }
}

void ClientLink::wait(ClientCall& call, rpc::CallRequest& request) {
  call.compressed = request.compressed;
  if (!keep(call, request, waiting_)) {
    return fail(call, {Code::kResourceExhausted},
                "too many request bytes wait for a connection to " + endpoint_->name + " (option maxQueuedBytes)");
  }
  if (state() == rpc::LinkState::kIdle) begin_connect();
}

void ClientLink::serve() {
  while (!waiting_.empty() && current_ != nullptr && current_->room() > 0) start_kept(call_of(waiting_.next));
  if (current_ != nullptr) set_capacity(current_->room());
}

void ClientLink::start_kept(ClientCall& call) {
  count_waiting(-static_cast<std::int64_t>(call.early.size()));
  const h2::SendQueue early = call.early.take();
  rpc::Payload payload{early.front(early.size()), take_kept(call), call.compressed};
  const std::string metadata = std::move(call.metadata);
  current_->start(call, metadata, payload);
}

void ClientLink::message(rpc::LinkedCall& linked, rpc::Payload& payload) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto& call = static_cast<ClientCall&>(linked);
  if (!call.open || call.half_closed) return;
  if (payload.lost_bytes > 0) {
    const std::string text = "there is no memory for a request of " + std::to_string(payload.lost_bytes) + " bytes";
    return fail(call, {Code::kResourceExhausted}, text);
  }
  if (call.session != nullptr) return call.session->message(call, payload);
  const ByteSpan body = payload.span();
  std::uint8_t head[kMessageHeadBytes];
  write_message_head(head, body.size(), payload.compressed);
  const std::size_t before = call.early.size();
  const bool kept = body.size() <= UINT32_MAX && call.early.push(head) && call.early.push(body);
  count_waiting(static_cast<std::int64_t>(call.early.size() - before));
  if (!kept || is_waiting_full()) {
    fail(call, {Code::kResourceExhausted},
         "too many request bytes wait for a connection to " + endpoint_->name + " (option maxQueuedBytes)");
  }
}

void ClientLink::half_close(rpc::LinkedCall& linked) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto& call = static_cast<ClientCall&>(linked);
  if (!call.open || std::exchange(call.half_closed, true)) return;
  if (call.session != nullptr) call.session->half_close(call);
}

void ClientLink::taken(rpc::LinkedCall& linked, std::size_t bytes) {
  auto& call = static_cast<ClientCall&>(linked);
  if (call.session != nullptr) call.session->taken(call, bytes);
}

void ClientLink::cancel(rpc::LinkedCall& linked) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto& call = static_cast<ClientCall&>(linked);
  if (call.session != nullptr) return call.session->drop(call);
  release(call);
}

void ClientLink::fail(ClientCall& call, const Status& status, std::string_view text) {
  if (call.session != nullptr) return call.session->end(call, status, text);
  end_with(call, status, text, false);
}

void ClientLink::end_with(ClientCall& call, const Status& status, std::string_view text, bool written) {
  tell_failure(call, status, text, written);
  release(call);
}

void ClientLink::release(ClientCall& call) {
  if (call.session == nullptr) count_waiting(-static_cast<std::int64_t>(call.early.size()));
  forget(call);
  calls_.give(call);
}

void ClientLink::count_rejected() { channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed); }

void ClientLink::count_partial(std::int64_t bytes) {
  channel_->gauges.partial_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void ClientLink::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ClientCall&>(timer);
  auto& link = static_cast<ClientLink&>(*call.link);
  link.fail(call, {Code::kDeadlineExceeded}, link.why_late(call));
}

std::string ClientLink::why_late(const ClientCall& call) const {
  std::string text = "deadline exceeded: waited " + std::to_string(lane_.io.now() - call.started);
  if (call.session != nullptr) {
    text += " ms for the reply of " + endpoint_->name;
    if (!call.waits_for_room()) return text;
    return text +
           ", whose rest is not let in: others that are not whole, or not taken, are at the limit (option "
           "maxBufferedReplyBytes)";
  }
  if (current_ != nullptr) {
    return text + " ms for a stream to " + endpoint_->name +
           ", which allows no more at once (SETTINGS_MAX_CONCURRENT_STREAMS; option connections)";
  }
  text += " ms for a connection to " + endpoint_->name;
  if (!last_error_.empty()) text += " (last error: " + last_error_ + ")";
  return text;
}

void ClientLink::fail_waiting(std::string_view why) {
  while (!waiting_.empty()) end_with(call_of(waiting_.next), {Code::kUnavailable}, why, false);
}

void ClientLink::cancel_waiting(std::string_view why) {
  while (!waiting_.empty()) end_with(call_of(waiting_.next), {Code::kCancelled}, why, false);
}

void ClientLink::drop_all(std::string_view why) {
  current_ = nullptr;
  cancel_waiting(why);
  for (ClientSession& session : sessions_) {
    while (!session.calls.empty()) session.end(call_of(session.calls.next), {Code::kCancelled}, why);
    session.close();
  }
}

void ClientLink::on_connected(io::ConnectResult result) {
  const auto self = std::static_pointer_cast<ClientLink>(shared_from_this());
  sessions_.emplace_back(self, make_connection(std::move(result)), h2_options_);
  sessions_.back().at = std::prev(sessions_.end());
  sessions_.back().start();
}

void ClientLink::on_ready(ClientSession& session) {
  if (state() != rpc::LinkState::kConnecting) return;
  current_ = &session;
  last_error_.clear();
  set_state(rpc::LinkState::kReady);
  serve();
}

void ClientLink::on_room(ClientSession& session) {
  if (&session != current_) return;
  if (session.exhausted()) return on_leaving(session, Leaving::kAsked);
  if (!waiting_.empty()) return serve();
  set_capacity(session.room());
}

void ClientLink::on_leaving(ClientSession& session, Leaving why) {
  if (why == Leaving::kTooManyPings)
    keepalive_ms_ = std::max(keepalive_ms_, std::min(2 * keepalive_ms_, kLongestKeepaliveMs));
  if (&session != current_) return;
  current_ = nullptr;
  set_capacity(UINT32_MAX);
  renew(session.proven(), true, session.why_closed(io::CloseReason::kPeerClosed));
}

void ClientLink::on_session_closed(ClientSession& session, io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const bool was_current = &session == current_;
  const bool was_opening = !session.ready();
  // Calls may wait on a connection without a stream, for a server that allows none: they need the next one.
  const bool idle = reason == io::CloseReason::kIdleTimeout && waiting_.empty();
  const bool proven = session.proven() || reason == io::CloseReason::kLocal;
  std::string why = session.why_closed(reason);
  sessions_.erase(session.at);  // destroys it
  if (was_current) current_ = nullptr;
  if (state() == rpc::LinkState::kClosed) return maybe_closed();
  if (was_opening && state() == rpc::LinkState::kConnecting) return on_connect_failed(std::move(why));
  if (!was_current) return;
  set_capacity(UINT32_MAX);
  if (idle) {
    if (proven) forget_failures();
    return set_state(rpc::LinkState::kIdle);
  }
  renew(proven, false, std::move(why));
}

void ClientLink::renew(bool proven, bool asked, std::string why) {
  // The connection was accepted and ended without any reply, so reconnecting at once would be repeated without end.
  if (!proven) return asked ? replace_unproven(std::move(why)) : fall_back(std::move(why), INT64_MAX);
  forget_failures();
  begin_connect();
}

}  // namespace rocket::grpc
