#include "rpc/client_session.h"

#include <algorithm>

#include "io/spawn.h"
#include "rpc/reply_frame.h"
#include "wire/wire_code.h"

namespace rocket::rpc {

namespace {

ClientCall& call_of(ListLink* link) { return static_cast<ClientCall&>(static_cast<CallLink&>(*link)); }

}  // namespace

ClientSession::ClientSession(std::shared_ptr<ClientChannel> channel, std::shared_ptr<ClientEndpointInfo> endpoint,
                             Lane& lane, std::uint32_t index, std::vector<io::Address> addresses)
    : channel_(std::move(channel)),
      endpoint_(std::move(endpoint)),
      lane_(lane),
      index_(index),
      addresses_(std::move(addresses)),
      random_(std::random_device{}()),
      calls_(&ClientSession::on_call_deadline, std::random_device{}()) {}

ClientSession::~ClientSession() = default;

void ClientSession::attach() { port_ = lane_.port_for(channel_->inbox); }

void ClientSession::start_call(CallRequest& request) {
  const Event refusal{.kind = EventKind::kFailure,
                      .id_low = request.handle.index,
                      .id_high = request.handle.generation,
                      .code = wire::kCancelled,
                      .text = as_bytes("the channel is closed")};
  if (state() == LinkState::kClosed) return port_->push_always(refusal);
  ClientCall* call = calls_.allocate();
  if (call == nullptr) {
    Event full = refusal;
    full.code = wire::kResourceExhausted;
    full.text = as_bytes("too many calls in flight on one connection (option connections)");
    return port_->push_always(full);
  }
  call->session = this;
  call->handle = request.handle;
  call->method = request.method;
  call->wait_for_ready = request.wait_for_ready;
  call->started = lane_.io.now();
  auto& by_handle = port_->calls_by_handle();
  if (by_handle.size() <= request.handle.index) by_handle.resize(request.handle.index + 64);
  by_handle[request.handle.index] = call;
  channel_->counters.calls_total.fetch_add(1, std::memory_order_relaxed);
  channel_->counters.calls_in_flight.fetch_add(1, std::memory_order_relaxed);
  if (!request.msg_id.empty()) calls_.claim(*call, request.msg_id);
  lane_.io.timers().arm(*call, request.deadline);
  if (request.deadline <= lane_.io.now()) {
    end_with(*call, wire::kRpcCallTimeout, "deadline exceeded before the call reached the network");
  } else if (options().short_connections) {
    keep(*call, request);
    if (call->session != nullptr) {
      io::spawn(lane_.io.context(), shared_from_this(), connect_for(shared_from_this(), call, call->generation));
    }
  } else if (shared_ != nullptr) {
    send(*call, *shared_, request.metadata, request.payload(), &request.large_body);
  } else if (state() == LinkState::kFailed && !request.wait_for_ready) {
    end_with(*call, wire::kFailedConnect, last_error_);
  } else {
    keep(*call, request);
    if (state() == LinkState::kIdle) begin_connect();
  }
}

void ClientSession::keep(ClientCall& call, CallRequest& request) {
  const auto bytes = static_cast<std::int64_t>(request.payload().size());
  auto& waiting_bytes = channel_->counters.waiting_bytes;
  waiting_.push_back(static_cast<CallLink&>(call));
  call.metadata = request.metadata;
  if (waiting_bytes.load(std::memory_order_relaxed) + bytes >
      static_cast<std::int64_t>(options().connection.max_write_queue_bytes)) {
    return end_with(call, wire::kResourceExhausted,
                    "too many request bytes wait for a connection to " + endpoint_->name + " (option maxQueuedBytes)");
  }
  waiting_bytes.fetch_add(bytes, std::memory_order_relaxed);
  call.body = request.large_body.empty() ? OwnedBytes::copy_of(request.body) : std::move(request.large_body);
}

void ClientSession::send_kept(ClientCall& call, ClientLink& link) {
  OwnedBytes body = std::move(call.body);
  call.body = OwnedBytes();
  channel_->counters.waiting_bytes.fetch_sub(static_cast<std::int64_t>(body.size()), std::memory_order_relaxed);
  OwnedBytes none;
  const bool large = body.size() > Inbox::kLargePayloadBytes;
  const std::string metadata = std::move(call.metadata);
  send(call, link, metadata, body.span(), large ? &body : &none);
}

void ClientSession::send(ClientCall& call, ClientLink& link, std::string_view metadata, ByteSpan body,
                         OwnedBytes* large_body) {
  const bool ours = options().peer_is_rocket_rpc || endpoint_->peer_is_ours.load(std::memory_order_relaxed);
  if (metadata.size() > (ours ? kMaxTextBytes : wire::kOldPeerErrInfoBytes)) {
    return end_with(
        call, wire::kResourceExhausted,
        "the encoded metadata has " + std::to_string(metadata.size()) +
            " bytes; at most 511 go to a peer not known to be rocket-rpc (option peerIsRocketRpc), 8192 else");
  }
  const auto& limits = options().connection;
  const std::size_t least = wire::kFrameOverhead + call.method->wire_name.size() + metadata.size() + body.size();
  // The checksum of what is too long anyway is not worth its time.
  const bool sendable = least <= limits.max_frame_bytes && request_.make(calls_, call, call.expires_at - lane_.io.now(),
                                                                         metadata, body, options().checksum);
  const std::size_t size = least > limits.max_frame_bytes ? least : request_.bytes();
  if (size > limits.max_frame_bytes) {
    return end_with(call, wire::kResourceExhausted,
                    "the request needs a frame of " + std::to_string(size) + " bytes, over the channel's limit of " +
                        std::to_string(limits.max_frame_bytes) + " (option maxFrameBytes)");
  }
  if (!sendable && !ours) {
    return end_with(call, wire::kInternal, "no form of the request was found that C++ rocket reads rightly");
  }
  io::Connection& connection = link.connection();
  if (connection.queued_bytes() > 0 && connection.queued_bytes() + size > limits.max_write_queue_bytes) {
    return end_with(call, wire::kResourceExhausted,
                    "too many request bytes wait to be written to " + endpoint_->name + " (option maxQueuedBytes)");
  }
  request_.append_to(connection, *large_body);
  call.link = &link;
  call.frame_end = connection.appended_total();
  static_cast<CallLink&>(call).unlink();
  link.calls.push_back(static_cast<CallLink&>(call));
}

bool ClientSession::on_reply(ClientLink& link, const wire::FrameView& view, OwnedBytes* block) {
  ClientCall* call = calls_.find(view.msg_id);
  if (call == nullptr || call->link != &link) {
    channel_->counters.late_replies.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  const bool ok = view.err_code == wire::kOk;
  Event event{.kind = ok ? EventKind::kReply : EventKind::kFailure,
              .owner = endpoint_->number,
              .id_low = call->handle.index,
              .id_high = call->handle.generation,
              .code = view.err_code,
              .flags = event_flag::kRequestWritten,
              .payload = ok ? view.body : ByteSpan{},
              .string_fields = call->method->string_fields,
              .text = as_bytes(view.err_info.substr(0, kMaxTextBytes))};
  if (!port_->push(event, ok ? block : nullptr)) return false;
  link.got_reply = true;
  attempts_ = 0;
  if (view.checksum != wire::kNoChecksum || (ok && !view.err_info.empty())) {
    endpoint_->peer_is_ours.store(true, std::memory_order_relaxed);
  }
  release(*call);
  if (options().short_connections) link.connection().close(io::CloseReason::kLocal);
  return true;
}

void ClientSession::release(ClientCall& call) {
  lane_.io.timers().cancel(call);
  static_cast<CallLink&>(call).unlink();
  if (!call.body.empty()) {
    channel_->counters.waiting_bytes.fetch_sub(static_cast<std::int64_t>(call.body.size()), std::memory_order_relaxed);
  }
  ClientCall*& by_handle = port_->calls_by_handle()[call.handle.index];
  if (by_handle == &call) by_handle = nullptr;
  calls_.release(call);
  channel_->counters.calls_in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void ClientSession::end_with(ClientCall& call, std::int32_t wire_code, std::string_view text) {
  const bool written = call.link != nullptr && call.link->connection().written_total() >= call.frame_end;
  port_->push_always({.kind = EventKind::kFailure,
                      .owner = endpoint_->number,
                      .id_low = call.handle.index,
                      .id_high = call.handle.generation,
                      .code = wire_code,
                      .flags = written ? event_flag::kRequestWritten : 0,
                      .text = as_bytes(text)});
  ClientLink* link = call.link;
  release(call);
  if (link != nullptr && options().short_connections) link->connection().close(io::CloseReason::kLocal);
}

void ClientSession::fail_all(CallLink& calls, std::int32_t wire_code, std::string_view text) {
  while (!calls.empty()) end_with(call_of(calls.next), wire_code, text);
}

void ClientSession::cancel(InboxPort& port, CallHandle handle) {
  auto& by_handle = port.calls_by_handle();
  if (handle.index >= by_handle.size()) return;
  ClientCall* call = by_handle[handle.index];
  if (call == nullptr || call->session == nullptr || call->handle.generation != handle.generation) return;
  ClientLink* link = call->link;
  ClientSession& session = *call->session;
  session.release(*call);
  if (link != nullptr && session.options().short_connections) link->connection().close(io::CloseReason::kLocal);
}

void ClientSession::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ClientCall&>(timer);
  ClientSession& session = *call.session;
  const auto waited = std::to_string(session.lane_.io.now() - call.started);
  const char* what = call.link != nullptr ? " ms for the reply of " : " ms for a connection to ";
  std::string text = "deadline exceeded: waited " + waited + what + session.endpoint_->name;
  if (call.link == nullptr && !session.last_error_.empty()) text += " (last error: " + session.last_error_ + ")";
  session.end_with(call, wire::kRpcCallTimeout, text);
}

void ClientSession::connect_now() {
  if (!options().short_connections && state() == LinkState::kIdle) begin_connect();
}

void ClientSession::begin_connect() {
  set_state(LinkState::kConnecting);
  io::spawn(lane_.io.context(), shared_from_this(), connect_shared(shared_from_this()));
}

io::Task<void> ClientSession::connect_shared(std::shared_ptr<ClientSession> self) {
  auto result = co_await io::connect(self->lane_.io, self->addresses_, self->options().connect_timeout);
  if (self->state() != LinkState::kConnecting) co_return;
  if (!result.socket) {
    self->on_connect_failed(std::move(result.error));
    co_return;
  }
  ClientLink& link = self->add_link(std::move(result));
  self->shared_ = &link;
  self->last_error_.clear();
  self->set_state(LinkState::kReady);
  link.start();
  while (!self->waiting_.empty()) self->send_kept(call_of(self->waiting_.next), link);
}

io::Task<void> ClientSession::connect_for(std::shared_ptr<ClientSession> self, ClientCall* call,
                                          std::uint32_t generation) {
  auto result = co_await io::connect(self->lane_.io, self->addresses_, self->options().connect_timeout);
  if (call->session != self.get() || call->generation != generation) co_return;
  if (!result.socket) {
    self->channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
    self->end_with(*call, wire::kFailedConnect, result.error);
    co_return;
  }
  ClientLink& link = self->add_link(std::move(result));
  link.start();
  self->send_kept(*call, link);
}

ClientLink& ClientSession::add_link(io::ConnectResult result) {
  channel_->counters.connects.fetch_add(1, std::memory_order_relaxed);
  auto connection = std::make_shared<io::Connection>(lane_.io, std::move(*result.socket), result.peer,
                                                     options().connection, channel_->gauges);
  auto* link = new ClientLink(shared_from_this(), std::move(connection));  // deleted by on_link_closed()
  links_.push_back(*link);
  return *link;
}

void ClientSession::on_connect_failed(std::string error) {
  channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
  if (state() == LinkState::kClosed) return;
  last_error_ = std::move(error);
  set_state(LinkState::kFailed);
  for (ListLink* at = waiting_.next; at != &waiting_;) {
    ClientCall& call = call_of(at);
    at = at->next;
    if (!call.wait_for_ready) end_with(call, wire::kFailedConnect, last_error_);
  }
  back_off();
}

void ClientSession::back_off() {
  const auto longest = options().longest_backoff.count();
  const auto base = std::min<SteadyMs>(options().first_backoff.count() << std::min(attempts_, 20), longest);
  ++attempts_;
  // A fifth up or down, so that the clients of a server that died do not come back in step.
  const auto delay = base * std::uniform_int_distribution<SteadyMs>(800, 1200)(random_) / 1000;
  lane_.io.timers().arm(backoff_timer_, lane_.io.now() + std::max<SteadyMs>(delay, 1));
}

void ClientSession::on_backoff_over(Timer& timer) {
  ClientSession& session = static_cast<BackoffTimer&>(timer).session;
  if (session.state() == LinkState::kFailed) session.begin_connect();
}

void ClientSession::on_link_closed(ClientLink& link, io::CloseReason reason) {
  const bool refused = reason == io::CloseReason::kBadInput;
  if (refused) channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed);
  const std::string text = "the connection to " + endpoint_->name + " ended (" +
                           (refused ? link.why_rejected() : io::name_of(reason)) + ") before the reply came";
  while (!link.calls.empty()) end_with(call_of(link.calls.next), wire::kPeerClosed, text);
  const bool was_shared = shared_ == &link;
  const bool proven = link.got_reply;
  if (was_shared) shared_ = nullptr;
  static_cast<ListLink&>(link).unlink();
  delete &link;
  if (state() == LinkState::kClosed) return maybe_closed();
  if (!was_shared) return;
  if (proven) {
    begin_connect();
  } else {
    // Accepted and dropped without one reply: not a reason to come back at once.
    last_error_ = text;
    set_state(LinkState::kFailed);
    back_off();
  }
}

void ClientSession::set_state(LinkState state) {
  state_.store(state, std::memory_order_relaxed);
  port_->push_always({.kind = EventKind::kEndpointState,
                      .owner = endpoint_->number,
                      .id_low = index_,
                      .code = static_cast<std::int32_t>(state),
                      .text = as_bytes(state == LinkState::kFailed ? std::string_view(last_error_) : "")});
}

void ClientSession::close() {
  if (state() == LinkState::kClosed) return;
  state_.store(LinkState::kClosed, std::memory_order_relaxed);
  shared_ = nullptr;
  lane_.io.timers().cancel(backoff_timer_);
  constexpr std::string_view kText = "the channel was closed before the call was finished";
  fail_all(waiting_, wire::kCancelled, kText);
  for (ListLink* at = links_.next; at != &links_; at = at->next) {
    auto& link = static_cast<ClientLink&>(*at);
    fail_all(link.calls, wire::kCancelled, kText);
    link.connection().close(io::CloseReason::kLocal);
  }
  maybe_closed();
}

void ClientSession::maybe_closed() {
  if (closed_reported_ || !links_.empty()) return;
  closed_reported_ = true;
  port_->push_always({.kind = EventKind::kEndpointClosed, .owner = endpoint_->number, .id_low = index_});
}

}  // namespace rocket::rpc
