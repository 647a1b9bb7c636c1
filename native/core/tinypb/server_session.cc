#include "tinypb/server_session.h"
#include "tinypb/partial_scan.h"

#include "base/thread_check.h"

#include <algorithm>
#include <string>

#include "rpc/health.h"
#include "rpc/health_service.h"
#include "rpc/preface.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"
#include "tinypb/crc32c.h"
#include "tinypb/protocol.h"
#include "tinypb/reply_frame.h"
#include "tinypb/status.h"
#include "tinypb/take_frames.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

namespace {

using rpc::Code;

/// Among Protocol::rejections.
constexpr std::size_t rejection(DecodeError error) { return static_cast<std::size_t>(error) - 1; }

constexpr SteadyMs kPulseMs = 500;
/// A connection that was silent for so long has no request on its way, as far as one can know.
constexpr SteadyMs kQuietMs = 1000;

}  // namespace

ServerSession::ServerSession(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection)
    : CallSession(shard, std::move(connection)), ends_awaited_(shard.lane().io) {}

ServerSession::~ServerSession() { connection_->io().timers().cancel(pulse_timer_); }

io::ConnectionHandler::Taken ServerSession::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const rpc::ServerShard::Burst burst(shard_);
  const auto taken = take_frames(
      bytes, connection_limits().max_frame_bytes, [this] { return connection_->open() && !connection_->paused(); },
      [this](ByteSpan frame) { return take_frame(frame, nullptr); },
      [this](const FrameStart& start, std::size_t frame_bytes) {
        server_->count_rejected(kProtocol, rejection(DecodeError::kFrameTooLong));
        refuse_unread(start, "the request has a frame of " + std::to_string(frame_bytes) +
                                 " bytes, over the server's limit of " +
                                 std::to_string(connection_limits().max_frame_bytes) + " (option maxFrameBytes)");
      },
      [this, bytes](DecodeError error) {
        if (error == DecodeError::kBadStartByte) foreign_ = rpc::foreign_client(bytes);
        reject(error);
      });
  expect_rest(*connection_, taken, bytes.size(), connection_limits().frame_timeout);
  return taken;
}

bool ServerSession::on_large_frame(OwnedBytes& frame) {
  ROCKET_ON_IO_THREAD(connection_->io());
  connection_->expect_nothing();
  return take_frame(frame.span(), &frame);
}

bool ServerSession::on_out_of_memory(ByteSpan begun, std::size_t frame_bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
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
  if (connection_->backlogged()) pause(Pause::kBacklog);
  return taken;
}

bool ServerSession::take_request(const FrameView& view, OwnedBytes* block) {
  rpc::RequestHead head;
  if (last_method_ != nullptr && same_text(last_method_->name, view.method)) {
    head.method.method = last_method_;
  } else {
    const auto dot = view.method.rfind('.');
    const bool split = dot != std::string_view::npos;
    head.service = view.method.substr(0, split ? dot : 0);
    head.method = server_->methods().find(head.service, split ? view.method.substr(dot + 1) : std::string_view{});
    // (A client's core asks by itself even where there is no health service.)
    if (head.method.method == nullptr && view.msg_id == rpc::health::kPingId && view.method == rpc::health::kCheck) {
      answer(view, &rpc::health::check);
      return true;
    }
  }
  if (peer_name_.empty()) peer_name_ = connection_->peer_name();
  head.name = view.method;
  head.msg_id = view.msg_id;
  head.peer = peer_name_;
  head.metadata = view.err_info;
  head.message = view.body;
  head.block = block;
  head.timeout = std::max(view.err_code, 0);
  head.marks = static_cast<std::uint8_t>((view.checksum != kNoChecksum ? mark::kChecksum : 0) |
                                         (view.err_code > 0 || !view.err_info.empty() ? mark::kExtended : 0));
  head.direct = &kDirectReplies;
  const rpc::Admission admission = shard_.admit(*this, head);
  switch (admission.is) {
    case rpc::Admission::Is::kAdmitted:
      last_method_ = head.method.method;
      if (++calls_in_flight_ >= server_->options().max_calls_per_connection) pause(kTooManyCalls);
      return true;
    case rpc::Admission::Is::kRefused: send_error(view, admission.status, admission.text); return true;
    case rpc::Admission::Is::kNative: answer(view, head.method.method->native); return true;
    case rpc::Admission::Is::kInboxFull: pause(Pause::kInboxFull); return false;
  }
  return true;
}

void ServerSession::answer(const FrameView& view, rpc::NativeHandler native) {
  if (view.msg_id == rpc::health::kPingId) peer_pings_ = true;
  const rpc::NativeAnswer answer = native(shard_, view.body);
  if (!answer.status.ok()) {
    shard_.count_refused();
    return send_error(view, answer.status, answer.text);
  }
  rpc::Payload payload{as_bytes(answer.message), {}};
  send({view.msg_id, view.method, kOk, {}}, payload, view.checksum != kNoChecksum);
}

/// While nothing is read, the peer's health checks are not read either, so it is told unasked that this side is alive.
void ServerSession::on_pulse(Timer& timer) {
  ServerSession& session = static_cast<PulseTimer&>(timer).session;
  if (!session.connection_->paused() || !session.connection_->open()) return;
  if (!session.connection_->backlogged()) {
    FrameView ping;
    ping.msg_id = rpc::health::kPingId;
    ping.method = rpc::health::kCheck;
    ping.checksum = 0;
    session.answer(ping, &rpc::health::check);
  }
  session.connection_->io().timers().arm(timer, session.connection_->io().now() + kPulseMs);
}

void ServerSession::send_error(const FrameView& view, const rpc::Status& status, std::string_view text) {
  rpc::Payload none;
  send({view.msg_id, view.method, wire_code_of(status), text}, none, view.checksum != kNoChecksum);
}

void ServerSession::refuse_unread(const FrameStart& start, std::string_view text) {
  FrameView view;
  view.msg_id = start.msg_id;
  view.method = start.method;
  // Whether the request has a checksum stands at its end. With one, a client of ours knows that the answer is of a
  // server of ours; to others it says nothing.
  view.checksum = 0;
  shard_.count_refused();
  send_error(view, {Code::kResourceExhausted}, text);
  if (connection_->backlogged()) pause(Pause::kBacklog);
}

void ServerSession::message(rpc::ServerCall& call, rpc::Payload& payload) {
  ROCKET_ON_IO_THREAD(connection_->io());
  OwnedBytes kept = payload.block.empty() ? OwnedBytes::copy_of(payload.bytes) : std::move(payload.block);
  unfinished_.emplace_back(&call, std::move(kept));
}

void ServerSession::finish(rpc::ServerCall& call, const rpc::Status& status, std::string_view text, std::string_view) {
  ROCKET_ON_IO_THREAD(connection_->io());
  rpc::Reply whole{status, text, {}, {}};
  const auto waits =
      std::find_if(unfinished_.begin(), unfinished_.end(), [&](const auto& each) { return each.first == &call; });
  if (waits != unfinished_.end() && status.ok()) whole.payload.block = std::move(waits->second);
  reply(call, whole);
}

void ServerSession::reply(rpc::ServerCall& call, rpc::Reply& reply) {
  ROCKET_ON_IO_THREAD(connection_->io());
  std::string scratch;
  const auto text = reply_text(call, reply.status, reply.text, scratch);
  send({call.msg_id, call.method->name, wire_code_of(reply.status), text}, reply.payload,
       (call.marks & mark::kChecksum) != 0);
}

void ServerSession::send(FrameHead&& head, rpc::Payload& payload, bool checksum) {
  if (!connection_->open()) return;
  const ByteSpan body = payload.span();
  std::string padded;
  if (!checksum) make_readable(head, body, method_holds_start_byte(head.method), checksum, padded);
  const std::size_t size = frame_bytes(head, body.size());
  if (!has_room(size)) {
    if (const std::string why = too_much(size); !body.empty() && !why.empty()) {
      rpc::Payload none;
      return send({head.msg_id, head.method, kResourceExhausted, why}, none, checksum);
    }
  }
  if (payload.block.empty()) {
    encode(connection_->append(size), head, body, checksum);
    return;
  }
  const std::size_t prefix_bytes = size - body.size() - kSuffixBytes;
  std::uint8_t* prefix = connection_->append(prefix_bytes);
  write_prefix(prefix, head, body.size());
  const std::uint32_t sum = checksum ? crc32c(body, crc32c({prefix, prefix_bytes})) : kNoChecksum;
  connection_->append_block(std::move(payload.block));
  write_suffix(connection_->append(kSuffixBytes), sum);
}

/// What holds_start_byte() says of the name, which is compared by where it is: methods are never freed or changed.
bool ServerSession::method_holds_start_byte(std::string_view name) {
  if (last_method_ == nullptr || last_method_->name.data() != name.data()) return holds_start_byte(name);
  if (judged_method_ != last_method_) {
    judged_method_ = last_method_;
    judged_method_holds_ = holds_start_byte(name);
  }
  return judged_method_holds_;
}

/// Whether a frame of that size can be sent without another look, which makes a string (too_much()).
bool ServerSession::has_room(std::size_t frame_bytes) const {
  const auto& limits = connection_limits();
  return frame_bytes <= limits.max_frame_bytes &&
         connection_->queued_bytes() + frame_bytes <= limits.hard_write_queue_bytes();
}

/// Why a frame of that size cannot be sent; empty if it can.
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
  server_->count_rejected(kProtocol, rejection(error));
  rpc::turn_away(*server_, *connection_, foreign_);
  connection_->close(io::CloseReason::kBadInput);
}

void ServerSession::release(rpc::ServerCall& call) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (!unfinished_.empty()) std::erase_if(unfinished_, [&](const auto& each) { return each.first == &call; });
  --calls_in_flight_;
  lifetime_.note_call_end();
  connection_->touch();
  if (calls_in_flight_ < server_->options().max_calls_per_connection) resume(kTooManyCalls);
  connection_->close_if_done();
}

/// Nothing on the wire tells the peer to leave, and one that sends a request meanwhile would lose it.
bool ServerSession::retire(io::CloseReason why) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const bool whole = !connection_->paused() && !connection_->expects_progress() && connection_->queued_bytes() == 0;
  const SteadyMs last = std::max(connection_->last_read(), lifetime_.last_call_end());
  if (busy() || !whole || connection_->io().now() - last < kQuietMs) return false;
  connection_->close_when_written(why);
  return true;
}

void ServerSession::pause(Pause why) {
  connection_->pause_reading(why);
  note_ends_awaited();
  if (peer_pings_ && !pulse_timer_.armed()) {
    connection_->io().timers().arm(pulse_timer_, connection_->io().now() + kPulseMs);
  }
}

void ServerSession::resume(Pause why) {
  if (!connection_->paused_for(why)) return;
  connection_->resume_reading(why);
  note_ends_awaited();
}

void ServerSession::on_peer_ended() {
  ROCKET_ON_IO_THREAD(connection_->io());
  peer_ended_ = true;
  note_ends_awaited();
}

void ServerSession::on_inbox_room() {
  ROCKET_ON_IO_THREAD(connection_->io());
  resume(Pause::kInboxFull);
}

const io::ConnectionLimits& ServerSession::connection_limits() const { return server_->options().connection; }

void ServerSession::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  // This session may have the last reference to an abandoned server, whose shard is still used below.
  const auto server = server_;
  server->counters.connections_closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  const bool bad = reason == io::CloseReason::kBadInput || reason == io::CloseReason::kFrameTimeout ||
                   reason == io::CloseReason::kSlowReader || reason == io::CloseReason::kOutOfMemory ||
                   reason == io::CloseReason::kLayer;
  if (bad) {
    std::string why = reason == io::CloseReason::kBadInput ? name_of(rejected_) : io::name_of(reason);
    if (reason == io::CloseReason::kLayer) why = connection_->why_layer_failed();
    shard_.log("closed the connection from " + connection_->peer_name() + ": " + why +
               rpc::turned_away_because(*server, foreign_));
  }
  ends_awaited_.set(false);
  shard_.orphan(*this);
  shard_.remove(*this);  // destroys this
}

}  // namespace rocket::tinypb
