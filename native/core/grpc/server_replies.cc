// Answers of a session: replies, refusals, and the handling of a peer that does not read them.

#include <array>
#include <string>
#include <utility>

#include "grpc/server_session.h"

#include "base/thread_check.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::grpc {

namespace {

using rpc::Code;

/// The longest header list that we send, even if the peer accepts more.
constexpr std::size_t kMostListBytes = 64 * 1024;

std::uint8_t code_of(const rpc::Status& status) { return static_cast<std::uint8_t>(status.code); }

}  // namespace

void ServerSession::fail(ServerRequest& request, const rpc::Status& status, std::string_view text) {
  shard_.count_refused();
  refuse(request, status, text);
}

void ServerSession::fail_for_size(ServerRequest& request) {
  fail(request, {Code::kResourceExhausted},
       "the request has a message of " + std::to_string(request.reader.message_bytes()) +
           " bytes, over the server's limit of " + std::to_string(server_->options().max_message_bytes) +
           " (option maxMessageBytes)");
}

void ServerSession::fail_for_memory(ServerRequest& request) {
  fail(request, {Code::kResourceExhausted}, "the server has no memory for the request's message");
}

void ServerSession::fail_for_encoding(ServerRequest& request, std::string_view accepted) {
  shard_.count_refused();
  if (request.encoding == Encoding::kIdentity) {
    return refuse(request, {Code::kInternal}, "the request has a compressed message, and no grpc-encoding to say how");
  }
  refuse(request, {Code::kUnimplemented}, "the request has a message of an encoding that the server lacks", accepted);
}

void ServerSession::fail_for_inflated(ServerRequest& request, Inflated inflated) {
  switch (inflated) {
    case Inflated::kUnavailable: return fail_for_encoding(request, kAcceptIdentity);
    case Inflated::kNoMemory: return fail_for_memory(request);
    case Inflated::kTooLarge:
      return fail(request, {Code::kResourceExhausted}, "the request is too large for this method once decompressed");
    case Inflated::kCorrupt:
    case Inflated::kWhole: break;
  }
  fail(request, {Code::kInternal}, "the request has a message that cannot be decompressed");
}

void ServerSession::refuse(ServerRequest& request, const rpc::Status& status, std::string_view text,
                           std::string_view trailers) {
  if (!request.http_reply.empty()) return reply_http(request);
  if (request.call == nullptr) {
    send_trailers(request, {code_of(status), text, trailers});
    return drop(request);
  }
  if (request.call->answered.load(std::memory_order_acquire)) return;
  send_trailers(request, {code_of(status), text, trailers});
  shard_.cancel(*request.call, status);
}

void ServerSession::refuse_http(ServerRequest& request, std::string_view block, bool ended) {
  shard_.count_refused();
  request.http_reply = block;
  request.wants_no_body = fields_->is_head();
  if (ended) return reply_http(request);
  // Until its end the request may still prove malformed, which is a stream error without a reply.
  connection_->io().timers().arm(request, connection_->io().now() + server_->options().default_timeout.count());
}

void ServerSession::reply_http(ServerRequest& request) {
  h2_.send_headers(*request.stream, as_bytes(request.http_reply), request.wants_no_body);
  if (!request.wants_no_body) h2_.send_data(*request.stream, {}, as_bytes(kNotGrpcText), true);
  drop(request);
}

void ServerSession::refuse_stream(ServerRequest& request) {
  h2_.reset(*request.stream, h2::ErrorCode::kRefusedStream);
  drop(request);
}

std::size_t ServerSession::header_list_room() const {
  return std::min<std::size_t>(h2_.peer_max_header_list(), kMostListBytes);
}

void ServerSession::send_trailers(ServerRequest& request, const Trailers& trailers) {
  if (!connection_->open()) return;
  const auto block = shared_->trailers.trailers(trailers, header_list_room(), !request.headers_sent);
  request.headers_sent = true;
  h2_.send_headers(*request.stream, block, true);
  if (const std::string dropped = shared_->trailers.take_dropped(); !dropped.empty()) {
    shard_.log("to " + connection_->peer_name() + ": " + dropped);
  }
}

void ServerSession::send_reply(ServerRequest& request, std::string_view metadata, const rpc::Payload& payload,
                               std::string_view trailers) {
  const ByteSpan message = payload.span();
  if (!connection_->open()) return;
  if (const std::string why = too_much(message.size()); !why.empty()) {
    return send_trailers(request, {static_cast<std::uint8_t>(Code::kResourceExhausted), why, {}});
  }
  if (request.headers_sent) {
    send_message(request, message, payload.compressed);
    return send_trailers(request, {0, {}, trailers});
  }
  const auto headers = shared_->headers.headers(metadata, header_list_room());
  if (headers.empty()) return send_trailers(request, shared_->headers.failure());
  std::array<std::uint8_t, kMessageHeadBytes> head;
  write_message_head(head.data(), message.size(), payload.compressed);
  request.headers_sent = true;
  const auto end = shared_->trailers.trailers({0, {}, trailers}, header_list_room(), false);
  if (h2_.reply(*request.stream, headers, head, message, end) == h2::Session::Sent::kNoMemory) {
    h2_.reset(*request.stream, h2::ErrorCode::kInternalError);
  }
  watch_stalls();
}

/// Why a reply of that size cannot be sent; empty if it can.
std::string ServerSession::too_much(std::size_t bytes) {
  if (bytes > UINT32_MAX) return "a message of gRPC cannot have " + std::to_string(bytes) + " bytes";
  const auto queued = [this] { return connection_->queued_bytes() + h2_.queued_bytes(); };
  const std::size_t limit = server_->options().connection.hard_write_queue_bytes();
  const auto is_over = [&] { return queued() > 0 && queued() + bytes > limit; };
  if (is_over()) connection_->write_now();
  if (!is_over()) return {};
  return "the reply was dropped: " + std::to_string(queued()) +
         " bytes wait for this client, which reads too slowly (option maxWriteQueueBytes)";
}

void ServerSession::finish(rpc::ServerCall& call, const rpc::Status& status, std::string_view text,
                           std::string_view trailers) {
  ROCKET_ON_IO_THREAD(connection_->io());
  send_trailers(request_of(call), {code_of(status), text, trailers});
}

void ServerSession::reply(rpc::ServerCall& call, rpc::Reply& reply) {
  ROCKET_ON_IO_THREAD(connection_->io());
  ServerRequest& request = request_of(call);
  unreserve(request);
  if (!reply.status.ok()) return send_trailers(request, {code_of(reply.status), reply.text, reply.trailers});
  send_reply(request, reply.text, reply.payload, reply.trailers);
}

void ServerSession::watch_stalls() {
  const auto patience = server_->options().connection.idle_timeout;
  if (h2_.queued_bytes() == 0 || patience.count() == 0 || stall_timer_.armed()) return;
  connection_->io().timers().arm(stall_timer_, connection_->io().now() + patience.count() / 4 + 1);
}

void ServerSession::on_stall_look(Timer& timer) {
  ServerSession& session = static_cast<StallTimer&>(timer).session;
  if (!session.connection_->open()) return;
  const SteadyMs now = session.connection_->io().now();
  const SteadyMs patience = session.server_->options().connection.idle_timeout.count();
  if (std::exchange(session.written_seen_, session.written_total()) != session.written_total()) {
    session.last_written_ = now;
  }
  for (auto since = session.h2_.stalled_since(now); since; since = session.h2_.stalled_since(now)) {
    if (now - *since < patience) break;
    if (now - session.last_written_ >= patience) return session.connection_->close(io::CloseReason::kSlowReader);
    session.give_up_stalled();
  }
  session.watch_stalls();
}

/// A peer that reads other replies keeps its connection.
void ServerSession::give_up_stalled() {
  h2::Stream& stream = h2_.longest_stalled();
  auto* request = static_cast<ServerRequest*>(stream.user);
  h2_.reset(stream, h2::ErrorCode::kEnhanceYourCalm);
  if (request == nullptr) return;
  if (request->call == nullptr) return drop(*request);
  leave_shut(*request);
  shard_.cancel(*request->call, {Code::kResourceExhausted});
}

}  // namespace rocket::grpc
