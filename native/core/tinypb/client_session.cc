#include "tinypb/client_session.h"

#include "base/thread_check.h"

#include <algorithm>

#include "io/spawn.h"
#include "tinypb/reply_frame.h"
#include "tinypb/status.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

ClientSession::ClientSession(std::shared_ptr<rpc::ClientChannel> channel,
                             std::shared_ptr<rpc::ClientEndpointInfo> endpoint, rpc::Lane& lane, std::uint32_t index,
                             std::size_t sessions, std::vector<io::Address> addresses)
    : channel_(std::move(channel)),
      endpoint_(std::move(endpoint)),
      lane_(lane),
      index_(index),
      addresses_(std::move(addresses)),
      random_(std::random_device{}()),
      calls_(&ClientSession::on_call_deadline, std::random_device{}()),
      most_links_((channel_->options.serial_connections + sessions - 1) / sessions) {}

ClientSession::~ClientSession() = default;

void ClientSession::attach() {
  ROCKET_ON_IO_THREAD(lane_.io);
  port_ = lane_.port_for(channel_->inbox);
}

void ClientSession::start_call(rpc::CallRequest& request) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const rpc::Event refusal{.kind = rpc::EventKind::kFailure,
                           .id_low = request.handle.index,
                           .id_high = request.handle.generation,
                           .code = status_of(kCancelled).word(),
                           .text = as_bytes("the channel is closed"),
                           .own = kCancelled};
  if (state() == rpc::LinkState::kClosed) return port_->push_always(refusal);
  ClientCall* call = calls_.allocate();
  if (call == nullptr) {
    rpc::Event full = refusal;
    full.code = status_of(kResourceExhausted).word();
    full.own = kResourceExhausted;
    full.text = as_bytes("too many calls in flight on one connection (option connections)");
    return port_->push_always(full);
  }
  call->session = this;
  call->handle = request.handle;
  call->method = request.method;
  call->started = lane_.io.now();
  auto& by_handle = port_->calls_by_handle();
  if (by_handle.size() <= request.handle.index) by_handle.resize(request.handle.index + 64);
  by_handle[request.handle.index] = call;
  channel_->counters.calls_total.fetch_add(1, std::memory_order_relaxed);
  channel_->counters.calls_in_flight.fetch_add(1, std::memory_order_relaxed);
  if (!request.msg_id.empty()) calls_.claim(*call, request.msg_id);
  lane_.io.timers().arm(*call, request.deadline);
  if (request.lost_bytes > 0) {
    end_with(*call, kResourceExhausted,
             "there is no memory for a request of " + std::to_string(request.lost_bytes) + " bytes");
  } else if (request.deadline <= lane_.io.now()) {
    end_with(*call, kRpcCallTimeout, "deadline exceeded before the call reached the network");
  } else if (options().short_connections) {
    keep(*call, request, waiting_);
    if (call->session != nullptr) {
      io::spawn(lane_.io.context(), shared_from_this(), connect_for(shared_from_this(), call, call->generation));
    }
  } else if (shares()) {
    send(*call, *shared_, request.metadata, request.payload(), &request.large_body);
  } else if (state() == rpc::LinkState::kFailed) {
    end_with(*call, kFailedConnect, last_error_);
  } else {
    start_waiting(*call, request);
  }
}

/// No connection is known to lead to rocket-rpc, or there is none at all.
void ClientSession::start_waiting(ClientCall& call, rpc::CallRequest& request) {
  call.needs_ours = request.metadata.size() > kOldPeerErrInfoBytes;
  if (call.needs_ours) {
    keep(call, request, waiting_for_ours_);
    if (shared_ != nullptr) shared_->watch().ask();
    if (shared_ != nullptr && !shared_->watch().hopeful()) refuse_large_metadata(*shared_);
  } else if (ClientLink* link = waiting_.empty() ? free_link() : nullptr; link != nullptr) {
    send(call, *link, request.metadata, request.payload(), &request.large_body);
  } else {
    keep(call, request, waiting_);
    grow();
  }
  if (state() == rpc::LinkState::kIdle) begin_connect();
}

void ClientSession::keep(ClientCall& call, rpc::CallRequest& request, rpc::CallLink& waiting) {
  const auto bytes = static_cast<std::int64_t>(request.payload().size());
  auto& waiting_bytes = channel_->counters.waiting_bytes;
  waiting.push_back(static_cast<rpc::CallLink&>(call));
  call.metadata = request.metadata;
  if (waiting_bytes.load(std::memory_order_relaxed) + bytes >
      static_cast<std::int64_t>(options().connection.max_write_queue_bytes)) {
    return end_with(call, kResourceExhausted,
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
  const bool large = body.size() > rpc::Inbox::kLargePayloadBytes;
  const std::string metadata = std::move(call.metadata);
  send(call, link, metadata, body.span(), large ? &body : &none);
}

void ClientSession::send(ClientCall& call, ClientLink& link, std::string_view metadata, ByteSpan body,
                         OwnedBytes* large_body) {
  const bool ours = link.watch().ours();
  if (metadata.size() > kMaxTextBytes) {
    return end_with(call, kResourceExhausted,
                    "the encoded metadata has " + std::to_string(metadata.size()) + " bytes; at most 8192 are sent");
  }
  const auto& limits = options().connection;
  const std::size_t least = kFrameOverhead + call.method->wire_name.size() + metadata.size() + body.size();
  // The checksum of a frame that is too long anyway is not worth computing.
  const bool sendable = least <= limits.max_frame_bytes && request_.make(calls_, call, call.expires_at - lane_.io.now(),
                                                                         metadata, body, options().checksum);
  const std::size_t size = least > limits.max_frame_bytes ? least : request_.bytes();
  if (size > limits.max_frame_bytes) {
    return end_with(call, kResourceExhausted,
                    "the request needs a frame of " + std::to_string(size) + " bytes, over the channel's limit of " +
                        std::to_string(limits.max_frame_bytes) + " (option maxFrameBytes)");
  }
  if (!sendable && !ours) {
    return end_with(call, kInternal, "no form of the request was found that C++ rocket reads rightly");
  }
  io::Connection& connection = link.connection();
  const auto is_over = [&] {
    return connection.queued_bytes() > 0 && connection.queued_bytes() + size > limits.max_write_queue_bytes;
  };
  if (is_over()) connection.write_now();
  if (is_over()) {
    return end_with(call, kResourceExhausted,
                    "too many request bytes wait to be written to " + endpoint_->name + " (option maxQueuedBytes)");
  }
  request_.append_to(connection, *large_body);
  call.link = &link;
  ++link.unanswered;
  call.frame_end = connection.appended_total();
  static_cast<rpc::CallLink&>(call).unlink();
  link.calls.push_back(static_cast<rpc::CallLink&>(call));
  link.watch().on_sent();
}

bool ClientSession::on_reply(ClientLink& link, const FrameView& view, OwnedBytes* block) {
  ROCKET_ON_IO_THREAD(lane_.io);
  // Asked now, since what is pushed may be gone at once.
  const bool shows_ours = PeerWatch::shows_ours(view);
  ClientCall* call = calls_.find(view.msg_id);
  if (call == nullptr || call->link != &link) {
    channel_->counters.late_replies.fetch_add(1, std::memory_order_relaxed);
    link.watch().on_reply(shows_ours, options().checksum);
    after_late_reply(link, view.msg_id);
    return true;
  }
  const bool ok = view.err_code == kOk;
  rpc::Event event{.kind = ok ? rpc::EventKind::kReply : rpc::EventKind::kFailure,
                   .owner = endpoint_->number,
                   .id_low = call->handle.index,
                   .id_high = call->handle.generation,
                   .code = ok ? 0 : status_of(view.err_code).word(),
                   .flags = rpc::event_flag::kRequestWritten,
                   .payload = ok ? view.body : ByteSpan{},
                   .string_fields = call->method->string_fields,
                   .text = as_bytes(view.err_info.substr(0, kMaxTextBytes)),
                   .own = view.err_code};
  if (!port_->push(event, ok ? block : nullptr)) return false;
  link.got_reply = true;
  attempts_ = 0;
  release(*call);
  link.watch().on_reply(shows_ours, options().checksum);
  after_reply(link);
  return true;
}

void ClientSession::after_reply(ClientLink& link) {
  if (options().short_connections) {
    link.connection().close(io::CloseReason::kLocal);
  } else if (&link != shared_ || !link.watch().ours()) {
    serve();
  }
}

void ClientSession::after_late_reply(ClientLink& link, std::string_view msg_id) {
  if (link.given_up_id.empty() || link.given_up_id != msg_id) return;
  link.given_up_id.clear();
  serve();
}

void ClientSession::on_reply_too_long(ClientLink& link, const FrameStart& start, std::size_t frame_bytes) {
  ROCKET_ON_IO_THREAD(lane_.io);
  channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed);
  on_reply_unread(link, start,
                  "the reply has a frame of " + std::to_string(frame_bytes) + " bytes, over the channel's limit of " +
                      std::to_string(options().connection.max_frame_bytes) + " (option maxFrameBytes)");
}

void ClientSession::on_reply_unread(ClientLink& link, const FrameStart& start, std::string_view why) {
  ROCKET_ON_IO_THREAD(lane_.io);
  ClientCall* call = calls_.find(start.msg_id);
  if (call == nullptr || call->link != &link) {
    channel_->counters.late_replies.fetch_add(1, std::memory_order_relaxed);
    return after_late_reply(link, start.msg_id);
  }
  port_->push_always({.kind = rpc::EventKind::kFailure,
                      .owner = endpoint_->number,
                      .id_low = call->handle.index,
                      .id_high = call->handle.generation,
                      .code = status_of(kResourceExhausted).word(),
                      .flags = rpc::event_flag::kRequestWritten,
                      .text = as_bytes(why),
                      .own = kResourceExhausted});
  link.got_reply = true;
  attempts_ = 0;
  release(*call);
  after_reply(link);
}

void ClientSession::release(ClientCall& call) {
  lane_.io.timers().cancel(call);
  static_cast<rpc::CallLink&>(call).unlink();
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
  port_->push_always({.kind = rpc::EventKind::kFailure,
                      .owner = endpoint_->number,
                      .id_low = call.handle.index,
                      .id_high = call.handle.generation,
                      .code = status_of(wire_code).word(),
                      .flags = written ? rpc::event_flag::kRequestWritten : 0,
                      .text = as_bytes(text),
                      .own = wire_code});
  if (ClientLink* link = call.link; link != nullptr) leave(*link, call);
  release(call);
}

/// A reply that nobody waits for any more is dropped; but a peer that is not ours must not get another request before
/// it has sent that reply, which it may never do.
void ClientSession::leave(ClientLink& link, const ClientCall& call) {
  if (options().short_connections) return link.connection().close(io::CloseReason::kLocal);
  if (link.watch().ours()) return;
  link.given_up_id = call.msg_id;
  if (call.msg_id.empty()) {
    const auto fresh = calls_.fresh_id(call);
    link.given_up_id.assign(fresh.data(), fresh.size());
  }
  if (!link.watch().learning()) link.connection().close(io::CloseReason::kLocal);
}

void ClientSession::fail_all(rpc::CallLink& calls, std::int32_t wire_code, std::string_view text) {
  while (!calls.empty()) end_with(call_of(calls.next), wire_code, text);
}

void ClientSession::cancel(rpc::InboxPort& port, rpc::CallHandle handle) {
  ROCKET_ON_IO_THREAD(port.io());
  auto& by_handle = port.calls_by_handle();
  if (handle.index >= by_handle.size()) return;
  ClientCall* call = by_handle[handle.index];
  if (call == nullptr || call->session == nullptr || call->handle.generation != handle.generation) return;
  ClientSession& session = *call->session;
  if (call->link != nullptr) session.leave(*call->link, *call);
  session.release(*call);
}

void ClientSession::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ClientCall&>(timer);
  ClientSession& session = *call.session;
  std::string text = "deadline exceeded: waited " + std::to_string(session.lane_.io.now() - call.started) +
                     session.what_it_waits_for(call) + session.endpoint_->name;
  if (call.link == nullptr && !session.last_error_.empty()) text += " (last error: " + session.last_error_ + ")";
  session.end_with(call, kRpcCallTimeout, text);
}

const char* ClientSession::what_it_waits_for(const ClientCall& call) const {
  if (call.link != nullptr) return " ms for the reply of ";
  if (state() != rpc::LinkState::kReady || options().short_connections) return " ms for a connection to ";
  return call.needs_ours ? " ms for a sign that its metadata can go to (option peerIsRocketRpc) "
                         : " ms for one of the busy connections (option serialConnections) to ";
}

void ClientSession::set_state(rpc::LinkState state) {
  state_.store(state, std::memory_order_relaxed);
  port_->push_always({.kind = rpc::EventKind::kEndpointState,
                      .owner = endpoint_->number,
                      .id_low = index_,
                      .code = static_cast<std::int32_t>(state),
                      .text = as_bytes(state == rpc::LinkState::kFailed ? std::string_view(last_error_) : "")});
}

void ClientSession::close() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (state() == rpc::LinkState::kClosed) return;
  state_.store(rpc::LinkState::kClosed, std::memory_order_relaxed);
  shared_ = nullptr;
  lane_.io.timers().cancel(backoff_timer_);
  constexpr std::string_view kText = "the channel was closed before the call was finished";
  fail_all(waiting_, kCancelled, kText);
  fail_all(waiting_for_ours_, kCancelled, kText);
  for (ListLink* at = links_.next; at != &links_; at = at->next) {
    auto& link = static_cast<ClientLink&>(*at);
    fail_all(link.calls, kCancelled, kText);
    link.connection().close(io::CloseReason::kLocal);
  }
  maybe_closed();
}

void ClientSession::maybe_closed() {
  if (closed_reported_ || !links_.empty()) return;
  closed_reported_ = true;
  port_->push_always({.kind = rpc::EventKind::kEndpointClosed, .owner = endpoint_->number, .id_low = index_});
}

}  // namespace rocket::tinypb
