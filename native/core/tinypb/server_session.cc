#include "tinypb/server_session.h"

#include <algorithm>
#include <string>

#include "rpc/health.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"
#include "rpc/unknown_method.h"
#include "tinypb/crc32c.h"
#include "tinypb/reply_frame.h"
#include "tinypb/status.h"
#include "tinypb/take_frames.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

namespace {

using rpc::Code;

constexpr SteadyMs kPulseMs = 500;

/// To a client that speaks HTTP/1, so that a person at a browser or curl knows.
constexpr std::string_view kHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 42\r\nConnection: close\r\n\r\n"
    "This port speaks TinyPB (rocket-rpc) only\n";

}  // namespace

ServerSession::ServerSession(std::shared_ptr<rpc::Server> server, rpc::ServerShard& shard,
                             std::shared_ptr<io::Connection> connection)
    : server_(std::move(server)), shard_(shard), connection_(std::move(connection)), ends_awaited_(shard.lane().io) {}

ServerSession::~ServerSession() { connection_->io().timers().cancel(pulse_timer_); }

io::ConnectionHandler::Taken ServerSession::on_bytes(ByteSpan bytes) {
  const rpc::InboxPort::Burst burst(shard_.port());
  return take_frames(
      bytes, connection_limits().max_frame_bytes, [this] { return connection_->open() && paused_ == 0; },
      [this](ByteSpan frame) { return take_frame(frame, nullptr); },
      [this](const FrameStart& start, std::size_t frame_bytes) {
        const auto why = static_cast<std::size_t>(DecodeError::kFrameTooLong);
        server_->counters.frames_rejected[why].fetch_add(1, std::memory_order_relaxed);
        refuse_unread(start, "the request has a frame of " + std::to_string(frame_bytes) +
                                 " bytes, over the server's limit of " +
                                 std::to_string(connection_limits().max_frame_bytes) + " (option maxFrameBytes)");
      },
      [this, bytes](DecodeError error) {
        if (error == DecodeError::kBadStartByte) foreign_ = rpc::foreign_client(bytes);
        reject(error);
      });
}

bool ServerSession::on_large_frame(OwnedBytes& frame) { return take_frame(frame.span(), &frame); }

bool ServerSession::on_out_of_memory(ByteSpan begun, std::size_t frame_bytes) {
  const auto start = peek_start(begun, frame_bytes);
  if (start.error != DecodeError::kNone || start.bytes > begun.size()) return false;
  refuse_unread(start, "the server has no memory for a request of " + std::to_string(frame_bytes) + " bytes");
  return true;
}

bool ServerSession::take_frame(ByteSpan frame, OwnedBytes* block) {
  FrameView view;
  auto error = decode(frame, view);
  if (error == DecodeError::kNone && std::max(view.msg_id.size(), view.method.size()) > kMaxNameBytes) {
    error = DecodeError::kBadFieldLength;
  }
  if (error != DecodeError::kNone) {
    reject(error);
    return true;
  }
  const bool taken = take_request(view, block);
  if (connection_->backlogged()) pause(kSlowPeer);
  return taken;
}

bool ServerSession::take_request(const FrameView& view, OwnedBytes* block) {
  const auto& options = server_->options();
  rpc::MethodTable::Lookup method{last_method_};
  if (last_method_ == nullptr || last_method_->name != view.method) method = server_->methods().find(view.method);
  if (method.entry == nullptr) {
    // (A client's core asks by itself even where there is no health service.)
    const bool ping = view.msg_id == rpc::health::kPingId;
    if (view.method == rpc::health::kCheck && (ping || options.health_blocked_after.count() > 0)) {
      answer_health(view);
      return true;
    }
    refuse(view, {Code::kUnimplemented, method.why}, rpc::unknown_method_text(method.why, view.method));
    return true;
  }
  if (view.err_info.size() > kMaxTextBytes) {
    refuse(view, {Code::kResourceExhausted}, "the request's metadata is over 8192 bytes");
    return true;
  }
  if (shard_.draining()) {
    refuse(view, rpc::Status::refusal(Code::kUnavailable), "the server is closing");
    return true;
  }
  const bool full =
      server_->counters.calls_in_flight.load(std::memory_order_acquire) >= static_cast<std::int64_t>(options.max_calls);
  rpc::ServerCall* call = full ? nullptr : shard_.start_call(*this);
  if (call == nullptr) {
    refuse(view, rpc::Status::refusal(Code::kResourceExhausted),
           "too many calls in flight on the server (option maxCallsInFlight)");
    return true;
  }
  last_method_ = method.entry;
  const SteadyMs now = connection_->io().now();
  const SteadyMs timeout = view.err_code > 0 ? std::min<SteadyMs>(view.err_code, options.max_timeout.count())
                                             : options.default_timeout.count();
  const rpc::InboxPort& port = shard_.port();
  if (peer_name_.empty()) peer_name_ = connection_->peer_name();
  call->msg_id.assign(view.msg_id);
  call->method = &method.entry->name;
  call->wants_checksum = view.checksum != kNoChecksum;
  call->extended = view.err_code > 0 || !view.err_info.empty();
  const rpc::Event event{.kind = rpc::EventKind::kRequest,
                         .owner = server_->number(),
                         .id_low = call->id.low,
                         .id_high = call->id.high,
                         .code = method.entry->number,
                         .time_ms = port.inbox().clock_ms(now + timeout),
                         .payload = view.body,
                         .string_fields = method.entry->string_fields,
                         .text = as_bytes(view.err_info),
                         .peer = peer_name_,
                         .msg_id = view.msg_id};
  if (!shard_.port().push(event, block)) {
    shard_.withdraw(*call);
    pause(kInboxFull);
    shard_.port().wait_for_room(*this);
    return false;
  }
  server_->counters.calls_total.fetch_add(1, std::memory_order_relaxed);
  connection_->io().timers().arm(*call, now + timeout);
  calls_.push_back(static_cast<rpc::CallLink&>(*call));
  if (++calls_in_flight_ >= options.max_calls_per_connection) pause(kTooManyCalls);
  return true;
}

void ServerSession::answer_health(const FrameView& view) {
  if (view.msg_id == rpc::health::kPingId) peer_pings_ = true;
  std::string_view service;
  if (!rpc::health::decode_request(view.body, service)) {
    refuse(view, {Code::kInvalidArgument, rpc::Reason::kUnreadable}, "not a rocket.health.v1.HealthCheckRequest");
    return;
  }
  send_health({view.msg_id, view.method, kOk, {}}, service, view.checksum != kNoChecksum);
}

void ServerSession::send_health(const FrameHead& head, std::string_view service, bool checksum) {
  const auto lag = shard_.port().probe();
  const bool known = service.empty() || service == rpc::health::kService || server_->methods().has_service(service);
  const auto status = !known                                                   ? rpc::health::Status::kServiceUnknown
                      : shard_.draining() || !server_->health.serving(service) ? rpc::health::Status::kNotServing
                      : lag > server_->options().health_blocked_after.count()  ? rpc::health::Status::kServingBlocked
                                                                               : rpc::health::Status::kServing;
  const auto calls = server_->counters.calls_in_flight.load(std::memory_order_relaxed);
  const rpc::health::Response response(status, static_cast<std::uint32_t>(lag), static_cast<std::uint32_t>(calls));
  rpc::Reply reply{{}, {}, response.bytes(), {}};
  send(head, reply, checksum);
}

/// While nothing is read, the peer's checks are not either: it hears without asking that this side is well.
void ServerSession::on_pulse(Timer& timer) {
  ServerSession& session = static_cast<PulseTimer&>(timer).session;
  if (session.paused_ == 0 || !session.connection_->open()) return;
  if (!session.connection_->backlogged()) {
    session.send_health({rpc::health::kPingId, rpc::health::kCheck, kOk, {}}, {}, true);
  }
  session.connection_->io().timers().arm(timer, session.connection_->io().now() + kPulseMs);
}

void ServerSession::refuse(const FrameView& view, const rpc::Status& status, std::string_view text) {
  server_->counters.calls_refused.fetch_add(1, std::memory_order_relaxed);
  rpc::Reply reply{status, text, {}, {}};
  send({view.msg_id, view.method, wire_code_of(status), text}, reply, view.checksum != kNoChecksum);
}

void ServerSession::refuse_unread(const FrameStart& start, std::string_view text) {
  FrameView view;
  view.msg_id = start.msg_id;
  view.method = start.method;
  // Whether the request has a checksum stands at its end. With one, a client of ours knows that the answer is of a
  // server of ours; to others it says nothing.
  view.checksum = 0;
  refuse(view, {Code::kResourceExhausted}, text);
  if (connection_->backlogged()) pause(kSlowPeer);
}

void ServerSession::reply(const rpc::ServerCall& call, rpc::Reply& reply) {
  std::string scratch;
  const auto text = reply_text(call, reply.status, reply.text, scratch);
  send({call.msg_id, *call.method, wire_code_of(reply.status), text}, reply, call.wants_checksum);
}

void ServerSession::send(FrameHead head, rpc::Reply& reply, bool checksum) {
  if (!connection_->open()) return;
  const ByteSpan body = reply.large_body.empty() ? reply.body : reply.large_body.span();
  std::string padded;
  if (!checksum) make_readable(head, body, checksum, padded);
  const std::size_t size = frame_bytes(head, body.size());
  if (const std::string why = too_much(size); !body.empty() && !why.empty()) {
    rpc::Reply none;
    return send({head.msg_id, head.method, kResourceExhausted, why}, none, checksum);
  }
  if (reply.large_body.empty()) {
    encode(connection_->append(size), head, body, checksum);
    return;
  }
  const std::size_t prefix_bytes = size - body.size() - kSuffixBytes;
  std::uint8_t* prefix = connection_->append(prefix_bytes);
  write_prefix(prefix, head, body.size());
  const std::uint32_t sum = checksum ? crc32c(body, crc32c({prefix, prefix_bytes})) : kNoChecksum;
  connection_->append_block(std::move(reply.large_body));
  write_suffix(connection_->append(kSuffixBytes), sum);
}

/// Why a frame of that size cannot be sent; empty when it can.
std::string ServerSession::too_much(std::size_t frame_bytes) const {
  const auto& limits = connection_limits();
  if (frame_bytes > limits.max_frame_bytes) {
    return "the reply needs a frame of " + std::to_string(frame_bytes) + " bytes, over the server's limit of " +
           std::to_string(limits.max_frame_bytes) + " (option maxFrameBytes)";
  }
  const auto is_over = [&] {
    const std::size_t queued = connection_->queued_bytes();
    return queued > 0 && queued + frame_bytes > limits.hard_write_queue_bytes();
  };
  if (is_over()) connection_->write_now();
  if (is_over()) {
    return "the reply was dropped: " + std::to_string(connection_->queued_bytes()) +
           " bytes wait for this client, which reads too slowly (option maxWriteQueueBytes)";
  }
  return {};
}

void ServerSession::reject(DecodeError error) {
  rejected_ = error;
  server_->counters.foreign_connections[static_cast<std::size_t>(foreign_)].fetch_add(1, std::memory_order_relaxed);
  server_->counters.frames_rejected[static_cast<std::size_t>(error)].fetch_add(1, std::memory_order_relaxed);
  if (foreign_ == rpc::Foreign::kHttp1) {
    std::memcpy(connection_->append(kHttpAnswer.size()), kHttpAnswer.data(), kHttpAnswer.size());
    connection_->write_now();
  }
  connection_->close(io::CloseReason::kBadInput);
}

void ServerSession::on_call_over() {
  --calls_in_flight_;
  connection_->touch();
  if (calls_in_flight_ < server_->options().max_calls_per_connection) resume(kTooManyCalls);
  connection_->close_if_done();
}

void ServerSession::abort_calls(const rpc::Status& status, std::string_view text) {
  for (ListLink* link = calls_.next; link != &calls_; link = link->next) {
    auto& call = static_cast<rpc::ServerCall&>(static_cast<rpc::CallLink&>(*link));
    if (call.answered.exchange(true, std::memory_order_acq_rel)) continue;
    rpc::Reply closing{status, text, {}, {}};
    reply(call, closing);
    shard_.abort(call, status);
  }
}

void ServerSession::pause(Pause why) {
  paused_ |= why;
  note_ends_awaited();
  connection_->pause_reading();
  if (peer_pings_ && !pulse_timer_.armed()) {
    connection_->io().timers().arm(pulse_timer_, connection_->io().now() + kPulseMs);
  }
}

void ServerSession::resume(Pause why) {
  if ((paused_ & why) == 0) return;
  paused_ = static_cast<std::uint8_t>(paused_ & ~why);
  note_ends_awaited();
  if (paused_ == 0) connection_->resume_reading();
}

void ServerSession::on_peer_ended() {
  peer_ended_ = true;
  note_ends_awaited();
}

void ServerSession::on_writable() { resume(kSlowPeer); }

void ServerSession::on_inbox_room() { resume(kInboxFull); }

const io::ConnectionLimits& ServerSession::connection_limits() const { return server_->options().connection; }

void ServerSession::on_closed(io::CloseReason reason) {
  // This session may be the last to hold an abandoned server, whose shard is still at work below.
  const auto server = server_;
  server->counters.connections_closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  const bool bad = reason == io::CloseReason::kBadInput || reason == io::CloseReason::kFrameTimeout ||
                   reason == io::CloseReason::kSlowReader || reason == io::CloseReason::kOutOfMemory;
  if (bad) {
    std::string why = reason == io::CloseReason::kBadInput ? name_of(rejected_) : io::name_of(reason);
    if (foreign_ != rpc::Foreign::kNone) {
      why += " (the client speaks " + std::string(rpc::title_of(foreign_)) + ", this server TinyPB)";
    }
    shard_.log("closed the connection from " + connection_->peer_name() + ": " + why);
  }
  ends_awaited_.set(false);
  shard_.port().forget(*this);
  shard_.orphan(calls_);
  shard_.remove(*this);  // destroys this
}

}  // namespace rocket::tinypb
