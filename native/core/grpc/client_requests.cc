// The part of a session that sends requests.
#include <array>
#include <string>
#include <utility>

#include "base/thread_check.h"
#include "grpc/client_link.h"
#include "grpc/client_session.h"
#include "rpc/events.h"

namespace rocket::grpc {

namespace {

using rpc::Code;

static_assert(rpc::kMessageOverhead == kMessageHeadBytes);
constexpr std::size_t kTellRoomBytes = rpc::kStreamRoomBytes / 2;

std::string no_memory_for(std::size_t bytes) {
  return "there is no memory for a request of " + std::to_string(bytes) + " bytes";
}

}  // namespace

void ClientSession::start(ClientCall& call, std::string_view metadata, rpc::Payload& payload) {
  const SteadyMs timeout = call.expires_at - connection_->io().now();
  const auto block =
      shared_->requests.request(link_->prefix(), call.method->wire_name, timeout, metadata, h2_.peer_max_header_list());
  if (block.empty()) {
    const auto code = shared_->requests.too_large() ? Code::kResourceExhausted : Code::kInternal;
    return link_->end_with(call, {code}, shared_->requests.why(), false);
  }
  const ByteSpan body = payload.span();
  // The room of an open call bounds what it sends.
  if (body.size() > UINT32_MAX || (!call.open && !has_queue_room(block.size() + body.size()))) {
    return link_->end_with(
        call, {Code::kResourceExhausted},
        "too many request bytes wait to be written to " + link_->endpoint().name + " (option maxQueuedBytes)", false);
  }
  h2::Stream* const stream = h2_.open(block);
  if (stream == nullptr) {
    return link_->end_with(call, {Code::kResourceExhausted}, no_memory_for(body.size()), false);
  }
  stream->user = &call;
  call.stream = stream;
  call.session = this;
  call.headers_end = appended_total();
  static_cast<rpc::CallLink&>(call).unlink();
  calls.push_back(static_cast<rpc::CallLink&>(call));
  watch_peer();
  if (!call.open) {
    std::array<std::uint8_t, kMessageHeadBytes> head;
    write_message_head(head.data(), body.size(), payload.compressed);
    send(call, head, body, true);
  } else if (!body.empty() || call.half_closed) {
    // Requests that came while it waited, with their heads.
    call.sent_untold = body.size();
    if (send(call, {}, body, call.half_closed)) note_room(call);
  }
}

bool ClientSession::has_queue_room(std::size_t bytes) {
  const auto queued = [this] { return connection_->queued_bytes() + h2_.queued_bytes(); };
  const std::size_t limit = link_->options().connection.max_write_queue_bytes;
  const auto is_over = [&] { return queued() > 0 && queued() + bytes > limit; };
  if (is_over()) connection_->write_now();
  return !is_over();
}

/// False: the call has ended.
bool ClientSession::send(ClientCall& call, ByteSpan head, ByteSpan body, bool ends) {
  switch (h2_.send_data(*call.stream, head, body, ends)) {
    case h2::Session::Sent::kWritten:
    case h2::Session::Sent::kQueued:
    case h2::Session::Sent::kClosed: return true;
    case h2::Session::Sent::kFull:
    case h2::Session::Sent::kNoMemory: break;
  }
  end(call, {Code::kResourceExhausted}, no_memory_for(body.size()));
  return false;
}

void ClientSession::message(ClientCall& call, rpc::Payload& payload) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const ByteSpan body = payload.span();
  if (body.size() > UINT32_MAX) return end(call, {Code::kResourceExhausted}, no_memory_for(body.size()));
  std::array<std::uint8_t, kMessageHeadBytes> head;
  write_message_head(head.data(), body.size(), payload.compressed);
  call.sent_untold += head.size() + body.size();
  if (send(call, head, body, false)) note_room(call);
}

void ClientSession::half_close(ClientCall& call) {
  ROCKET_ON_IO_THREAD(connection_->io());
  send(call, {}, {}, true);
}

/// Bytes that the kernel has accepted, or that wait for it within limits, make room for more.
void ClientSession::note_room(ClientCall& call) {
  if (!call.open || call.half_closed || connection_->backlogged()) return;
  const std::size_t queued = call.stream->queued_bytes();
  if (call.sent_untold < queued + kTellRoomBytes) return;
  const std::size_t left = call.sent_untold - queued;
  call.sent_untold = queued;
  link_->port().push_always(rpc::RequestRoomEvent{
      .endpoint = link_->endpoint().number, .handle = call.handle, .bytes = static_cast<std::int32_t>(left)});
}

void ClientSession::on_stream_writable(h2::Stream& stream) {
  if (stream.user != nullptr) note_room(*static_cast<ClientCall*>(stream.user));
}

}  // namespace rocket::grpc
