#include "tinypb/client_link.h"

#include "base/thread_check.h"

#include <algorithm>

#include "io/spawn.h"
#include "rpc/events.h"
#include "tinypb/reply_frame.h"
#include "tinypb/status.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

const rpc::ClientProtocol kClientProtocol{"tinypb",
                                          [](rpc::LinkSetup setup) -> std::shared_ptr<rpc::ClientLink> {
                                            return std::make_shared<ClientLink>(std::move(setup));
                                          },
                                          "tinypb"};

ClientLink::ClientLink(rpc::LinkSetup setup)
    : rpc::ConnectingLink(setup),
      calls_(&ClientLink::on_call_deadline, std::random_device{}()),
      most_sessions_((options().serial_connections + setup.links - 1) / setup.links) {}

ClientLink::~ClientLink() = default;

void ClientLink::send(rpc::CallRequest& request) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (state() == rpc::LinkState::kClosed) return refuse(request, status_of(kCancelled), "the channel is closed");
  ClientCall* call = calls_.allocate();
  if (call == nullptr) {
    return refuse(request, status_of(kResourceExhausted),
                  "too many calls in flight on one connection (option connections)");
  }
  begin(*call, request);
  if (!request.msg_id.empty()) calls_.claim(*call, request.msg_id);
  if (request.lost_bytes > 0) {
    end_with(*call, kResourceExhausted,
             "there is no memory for a request of " + std::to_string(request.lost_bytes) + " bytes");
  } else if (request.deadline <= lane_.io.now()) {
    end_with(*call, kRpcCallTimeout, "deadline exceeded before the call reached the network");
  } else if (options().short_connections) {
    wait(*call, request, waiting_);
    if (call->link != nullptr) {
      io::spawn(lane_.io.context(), shared_from_this(), connect_for(self(), call, call->generation));
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
void ClientLink::start_waiting(ClientCall& call, rpc::CallRequest& request) {
  call.needs_ours = request.metadata.size() > kOldPeerErrInfoBytes;
  if (call.needs_ours) {
    wait(call, request, waiting_for_ours_);
    if (shared_ != nullptr) shared_->watch().ask();
    if (shared_ != nullptr && !shared_->watch().hopeful()) refuse_large_metadata(*shared_);
  } else if (ClientSession* session = waiting_.empty() ? free_session() : nullptr; session != nullptr) {
    send(call, *session, request.metadata, request.payload(), &request.large_body);
  } else {
    wait(call, request, waiting_);
    grow();
  }
  if (state() == rpc::LinkState::kIdle) begin_connect();
}

void ClientLink::wait(ClientCall& call, rpc::CallRequest& request, rpc::CallLink& waiting) {
  if (keep(call, request, waiting)) return;
  end_with(call, kResourceExhausted,
           "too many request bytes wait for a connection to " + endpoint_->name + " (option maxQueuedBytes)");
}

void ClientLink::send_kept(ClientCall& call, ClientSession& session) {
  OwnedBytes body = take_kept(call);
  OwnedBytes none;
  const bool large = body.size() > rpc::kLargePayloadBytes;
  const std::string metadata = std::move(call.metadata);
  send(call, session, metadata, body.span(), large ? &body : &none);
}

void ClientLink::send(ClientCall& call, ClientSession& session, std::string_view metadata, ByteSpan body,
                      OwnedBytes* large_body) {
  const bool ours = session.watch().ours();
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
  io::Connection& connection = session.connection();
  const auto is_over = [&] {
    return connection.queued_bytes() > 0 && connection.queued_bytes() + size > limits.max_write_queue_bytes;
  };
  if (is_over()) connection.write_now();
  if (is_over()) {
    return end_with(call, kResourceExhausted,
                    "too many request bytes wait to be written to " + endpoint_->name + " (option maxQueuedBytes)");
  }
  request_.append_to(connection, *large_body);
  call.session = &session;
  ++session.unanswered;
  call.frame_end = connection.appended_total();
  static_cast<rpc::CallLink&>(call).unlink();
  session.calls.push_back(static_cast<rpc::CallLink&>(call));
  session.watch().on_sent();
}

bool ClientLink::on_reply(ClientSession& session, const FrameView& view, OwnedBytes* block) {
  ROCKET_ON_IO_THREAD(lane_.io);
  // Asked now, since what is pushed may be gone at once.
  const bool shows_ours = PeerWatch::shows_ours(view);
  ClientCall* call = calls_.find(view.msg_id);
  if (call == nullptr || call->session != &session) {
    channel_->counters.late_replies.fetch_add(1, std::memory_order_relaxed);
    session.watch().on_reply(shows_ours, options().checksum);
    after_late_reply(session, view.msg_id);
    return true;
  }
  const bool ok = view.err_code == kOk;
  const std::string_view text = view.err_info.substr(0, kMaxTextBytes);
  const bool pushed = ok ? port_->push(rpc::ReplyEvent{.endpoint = endpoint_->number,
                                                       .handle = call->handle,
                                                       .payload = view.body,
                                                       .string_fields = call->method->string_fields,
                                                       .text = text},
                                       block)
                         : port_->push(rpc::FailureEvent{.endpoint = endpoint_->number,
                                                         .handle = call->handle,
                                                         .status = status_of(view.err_code),
                                                         .text = text,
                                                         .flags = rpc::event_flag::kRequestWritten});
  if (!pushed) return false;
  session.got_reply = true;
  forget_failures();
  release(*call);
  session.watch().on_reply(shows_ours, options().checksum);
  after_reply(session);
  return true;
}

void ClientLink::after_reply(ClientSession& session) {
  if (options().short_connections) {
    session.connection().close(io::CloseReason::kLocal);
  } else if (&session != shared_ || !session.watch().ours()) {
    serve();
  }
}

void ClientLink::after_late_reply(ClientSession& session, std::string_view msg_id) {
  if (session.given_up_id.empty() || session.given_up_id != msg_id) return;
  session.given_up_id.clear();
  serve();
}

void ClientLink::on_reply_too_long(ClientSession& session, const FrameStart& start, std::size_t frame_bytes) {
  ROCKET_ON_IO_THREAD(lane_.io);
  channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed);
  on_reply_unread(session, start,
                  "the reply has a frame of " + std::to_string(frame_bytes) + " bytes, over the channel's limit of " +
                      std::to_string(options().connection.max_frame_bytes) + " (option maxFrameBytes)");
}

void ClientLink::on_reply_unread(ClientSession& session, const FrameStart& start, std::string_view why) {
  ROCKET_ON_IO_THREAD(lane_.io);
  ClientCall* call = calls_.find(start.msg_id);
  if (call == nullptr || call->session != &session) {
    channel_->counters.late_replies.fetch_add(1, std::memory_order_relaxed);
    return after_late_reply(session, start.msg_id);
  }
  port_->push_always(rpc::FailureEvent{.endpoint = endpoint_->number,
                                       .handle = call->handle,
                                       .status = status_of(kResourceExhausted),
                                       .text = why,
                                       .flags = rpc::event_flag::kRequestWritten});
  session.got_reply = true;
  forget_failures();
  release(*call);
  after_reply(session);
}

void ClientLink::release(ClientCall& call) {
  forget(call);
  calls_.release(call);
}

void ClientLink::end_with(ClientCall& call, std::int32_t wire_code, std::string_view text) {
  const bool written = call.session != nullptr && call.session->connection().written_total() >= call.frame_end;
  tell_failure(call, status_of(wire_code), text, written);
  if (ClientSession* session = call.session; session != nullptr) leave(*session, call);
  release(call);
}

/// A reply that nobody waits for any more is dropped; but a peer that is not ours must not get another request before
/// it has sent that reply, which it may never do.
void ClientLink::leave(ClientSession& session, const ClientCall& call) {
  if (options().short_connections) return session.connection().close(io::CloseReason::kLocal);
  if (session.watch().ours()) return;
  session.given_up_id = call.msg_id;
  if (call.msg_id.empty()) {
    const auto fresh = calls_.fresh_id(call);
    session.given_up_id.assign(fresh.data(), fresh.size());
  }
  if (!session.watch().learning()) session.connection().close(io::CloseReason::kLocal);
}

void ClientLink::fail_all(rpc::CallLink& calls, std::int32_t wire_code, std::string_view text) {
  while (!calls.empty()) end_with(call_of(calls.next), wire_code, text);
}

void ClientLink::cancel(rpc::LinkedCall& linked) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto& call = static_cast<ClientCall&>(linked);
  if (call.session != nullptr) leave(*call.session, call);
  release(call);
}

void ClientLink::on_call_deadline(Timer& timer) {
  auto& call = static_cast<ClientCall&>(timer);
  auto& link = static_cast<ClientLink&>(*call.link);
  std::string text = "deadline exceeded: waited " + std::to_string(link.lane_.io.now() - call.started) +
                     link.what_it_waits_for(call) + link.endpoint_->name;
  if (call.session == nullptr && !link.last_error_.empty()) text += " (last error: " + link.last_error_ + ")";
  link.end_with(call, kRpcCallTimeout, text);
}

const char* ClientLink::what_it_waits_for(const ClientCall& call) const {
  if (call.session != nullptr) return " ms for the reply of ";
  if (state() != rpc::LinkState::kReady || options().short_connections) return " ms for a connection to ";
  return call.needs_ours ? " ms for a sign that its metadata can go to (option peerIsRocketRpc) "
                         : " ms for one of the busy connections (option serialConnections) to ";
}

void ClientLink::fail_waiting(std::string_view why) {
  for (rpc::CallLink* calls : {&waiting_, &waiting_for_ours_}) fail_all(*calls, kFailedConnect, why);
}

void ClientLink::cancel_waiting(std::string_view why) {
  for (rpc::CallLink* calls : {&waiting_, &waiting_for_ours_}) fail_all(*calls, kCancelled, why);
}

void ClientLink::drop_all(std::string_view why) {
  shared_ = nullptr;
  cancel_waiting(why);
  for (ClientSession& session : sessions_) {
    fail_all(session.calls, kCancelled, why);
    session.connection().close(io::CloseReason::kLocal);
  }
}

}  // namespace rocket::tinypb
