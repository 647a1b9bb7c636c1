// Calls whose requests or replies stream. A message is passed to JavaScript as soon as it is complete. Windows are
// given back as JavaScript takes messages, and JavaScript may send more as bytes leave.

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "grpc/server_session.h"

#include "base/thread_check.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::grpc {

namespace {

using rpc::Code;

static_assert(rpc::kMessageOverhead == kMessageHeadBytes);
constexpr std::size_t kTellRoomBytes = rpc::kStreamRoomBytes / 2;

}  // namespace

void ServerSession::open(ServerRequest& request) {
  rpc::RequestHead head = head_of(request);
  head.flags |= rpc::event_flag::kOpen;
  if (head.timeout <= 0) return expire(request);
  if (!waiting_.empty()) return wait_for_room(request);
  const rpc::Admission admission = shard_.admit(*this, head);
  switch (admission.is) {
    case rpc::Admission::Is::kAdmitted:
      connection_->io().timers().cancel(request);
      request.call = admission.call;
      return;
    case rpc::Admission::Is::kRefused:
      if (admission.status.refused && admission.status.code == Code::kUnavailable) return refuse_stream(request);
      return refuse(request, admission.status, admission.text);
    case rpc::Admission::Is::kNative: return;  // no native method streams requests
    case rpc::Admission::Is::kInboxFull: return wait_for_room(request);
  }
}

void ServerSession::take_stream(ServerRequest& request, ByteSpan data, bool ended) {
  request.ended = request.ended || ended;
  if (request.call != nullptr && request.call->answered.load(std::memory_order_acquire)) {
    // The handler has ended: further requests are dropped.
    h2_.consume(*request.stream, data.size(), false);
    return;
  }
  if (request.waits_for_room) {
    if (!hold(request, data)) fail_for_memory(request);
    return;
  }
  push_messages(request, data);
}

void ServerSession::push_messages(ServerRequest& request, ByteSpan data) {
  const std::size_t most = server_->options().max_message_bytes;
  MessageReader::Message message;
  std::size_t begun = data.size();  ///< bytes of the message that has begun
  while (!data.empty()) {
    switch (request.reader.next(data, most, message)) {
      case MessageReader::Result::kNeedsMore: break;
      case MessageReader::Result::kMessage:
        begun = data.size();
        if (message.compressed && compressed_flags(request.encoding) == 0) return fail_for_encoding(request);
        if (push_message(request, message)) break;
        if (!keep_message(request, message) || !hold(request, data)) return fail_for_memory(request);
        return wait_for_room(request);
      case MessageReader::Result::kTooLarge: return fail_for_size(request);
      case MessageReader::Result::kBadFlag:
        return fail(request, {Code::kInternal}, "the request has a message with a flag that is neither 0 nor 1");
      case MessageReader::Result::kNoMemory: return fail_for_memory(request);
    }
  }
  // A message for which the window may have no room needs window before it can be taken.
  if (request.reader.message_bytes() + kMessageHeadBytes > h2::Session::window_of(*request.stream) / 2) {
    request.withheld += begun;
    let_in(request);
  }
  top_up(request);
  count_assembled(request);
  if (request.ended) end_stream(request);
}

bool ServerSession::push_message(ServerRequest& request, MessageReader::Message& message) {
  const std::size_t bytes = message.bytes.size() + kMessageHeadBytes;
  if (!shard_.tell_message(*request.call, message.bytes, message.block,
                           message.compressed ? compressed_flags(request.encoding) : 0)) {
    return false;
  }
  request.untaken += bytes;
  request.withheld = 0;  // JavaScript gives it back
  leave_shut(request);
  return true;
}

bool ServerSession::hold(ServerRequest& request, ByteSpan data) {
  if (data.empty()) return true;
  if (!request.held.try_grow(request.held_bytes + data.size())) return false;
  std::memcpy(request.held.data() + request.held_bytes, data.data(), data.size());
  request.held_bytes += data.size();
  count_assembled(request);
  return true;
}

bool ServerSession::push_held(ServerRequest& request) {
  if (request.call == nullptr) {
    open(request);
    // The request has ended, or waits again.
    if (request.call == nullptr) return false;
  }
  if (request.call->answered.load(std::memory_order_acquire)) return true;
  if (request.has_message) {
    MessageReader::Message message{request.message.span().first(request.message_bytes), &request.message,
                                   request.compressed};
    if (!push_message(request, message)) {
      wait_for_room(request);
      return false;
    }
    request.has_message = false;
    request.message = OwnedBytes();
  }
  const OwnedBytes held = std::move(request.held);
  const std::size_t bytes = std::exchange(request.held_bytes, 0);
  count_assembled(request);
  push_messages(request, held.span().first(bytes));
  return !request.waits_for_room;
}

void ServerSession::end_stream(ServerRequest& request) {
  if (request.reader.in_message()) return fail(request, {Code::kInternal}, "the request ends inside a message");
  if (!shard_.tell_half_close(*request.call)) wait_for_room(request);
}

void ServerSession::taken(rpc::ServerCall& call, std::size_t bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  ServerRequest& request = request_of(call);
  request.is_read = true;
  const std::size_t early = std::min(bytes, request.given_early);
  request.given_early -= early;
  h2_.consume(*request.stream, bytes - early);
  request.untaken -= std::min(bytes, request.untaken);
  let_in(request);
  top_up(request);
}

bool ServerSession::send_headers(ServerRequest& request, std::string_view metadata) {
  if (request.headers_sent) return true;
  const auto block = shared_->headers.headers(metadata, header_list_room());
  if (block.empty()) return false;
  request.headers_sent = true;
  h2_.send_headers(*request.stream, block, false);
  return true;
}

void ServerSession::headers(rpc::ServerCall& call, std::string_view metadata) {
  ROCKET_ON_IO_THREAD(connection_->io());
  ServerRequest& request = request_of(call);
  if (!connection_->open() || request.stream->closed() || send_headers(request, metadata)) return;
  const Trailers failure = shared_->headers.failure();
  send_trailers(request, failure);
  shard_.cancel(call, {static_cast<Code>(failure.code)});
}

void ServerSession::message(rpc::ServerCall& call, rpc::Payload& payload) {
  ROCKET_ON_IO_THREAD(connection_->io());
  send_message(request_of(call), payload.span(), payload.compressed);
}

void ServerSession::send_message(ServerRequest& request, ByteSpan message, bool compressed) {
  if (!connection_->open() || request.stream->closed()) return;
  if (const std::string why = too_much(message.size()); !why.empty()) {
    send_trailers(request, {static_cast<std::uint8_t>(Code::kResourceExhausted), why, {}});
    if (request.call != nullptr) shard_.cancel(*request.call, {Code::kResourceExhausted});
    return;
  }
  send_headers(request, {});
  std::array<std::uint8_t, kMessageHeadBytes> head;
  write_message_head(head.data(), message.size(), compressed);
  request.sent_untold += head.size() + message.size();
  switch (h2_.send_data(*request.stream, head, message, false)) {
    case h2::Session::Sent::kWritten:
    case h2::Session::Sent::kQueued: break;
    case h2::Session::Sent::kClosed: return;
    case h2::Session::Sent::kFull:
    case h2::Session::Sent::kNoMemory:
      h2_.reset(*request.stream, h2::ErrorCode::kInternalError);
      if (request.call != nullptr) shard_.cancel(*request.call, {Code::kResourceExhausted});
      return;
  }
  note_room(request);
  watch_stalls();
}

/// Bytes that the kernel has accepted, or that wait for it within limits, make room for more.
void ServerSession::note_room(ServerRequest& request) {
  if (request.call == nullptr || connection_->backlogged()) return;
  const std::size_t queued = request.stream->queued_bytes();
  if (request.sent_untold < queued + kTellRoomBytes) return;
  const std::size_t left = request.sent_untold - queued;
  request.sent_untold = queued;
  if (!request.call->answered.load(std::memory_order_acquire)) shard_.tell_room(*request.call, left);
}

void ServerSession::on_stream_writable(h2::Stream& stream) {
  if (stream.user != nullptr) note_room(*static_cast<ServerRequest*>(stream.user));
}

void ServerSession::on_writable() {
  h2_.on_writable();
  for (ListLink* link = requests_.next; link != &requests_; link = link->next) {
    note_room(static_cast<ServerRequest&>(static_cast<RequestLink&>(*link)));
  }
}

}  // namespace rocket::grpc
