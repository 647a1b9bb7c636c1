#include "grpc/direct_replies.h"

#include <cstring>

#include "grpc/message_reader.h"
#include "grpc/reply_block.h"
#include "grpc/server_session.h"
#include "h2/frame.h"

#include "base/thread_check.h"

namespace rocket::grpc {

namespace {

/// The bytes of a reply besides its DATA.
constexpr std::size_t kOverhead = 3 * h2::kFrameHeadBytes + kReplyHeaders.size() + kOkTrailers.size();

std::uint8_t* write_header_frame(std::uint8_t* out, std::uint32_t stream, std::string_view block, std::uint8_t flags) {
  out = h2::write_frame_head(out, block.size(), h2::FrameType::kHeaders, h2::kEndHeaders | flags, stream);
  std::memcpy(out, block.data(), block.size());
  return out + block.size();
}

}  // namespace

const DirectReplies kDirectReplies;

std::size_t DirectReplies::write(const rpc::ServerCall& call, const rpc::DirectReply& reply,
                                 std::span<std::uint8_t> into) const {
  const std::size_t data = kMessageHeadBytes + reply.message.size();
  if (!reply.status.ok() || !reply.text.empty() || !reply.trailers.empty() || data > kDirectBytes) return 0;
  const std::size_t size = kOverhead + data;
  if (size > into.size()) return 0;
  auto* out = write_header_frame(into.data(), call.wire_stream, kReplyHeaders, 0);
  out = h2::write_frame_head(out, data, h2::FrameType::kData, 0, call.wire_stream);
  write_message_head(out, reply.message.size(), false);
  out += kMessageHeadBytes;
  if (!reply.message.empty()) std::memcpy(out, reply.message.data(), reply.message.size());
  write_header_frame(out + reply.message.size(), call.wire_stream, kOkTrailers, h2::kEndStream);
  return size;
}

/// Only while calls come one at a time: otherwise this thread sends replies together.
void ServerSession::allow_direct(ServerRequest& request, rpc::RequestHead& head) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const bool may = connection_->io().lone() && connection_->can_direct() && request.method->native == nullptr &&
                   request.method->kind == rpc::MethodKind::kUnary;
  if (!may || !h2_.reserve(*request.stream, kDirectBytes)) return;
  request.reserved = kDirectBytes;
  head.direct = &kDirectReplies;
  head.wire_stream = request.stream->id();
}

void ServerSession::unreserve(ServerRequest& request) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (request.reserved == 0) return;
  request.reserved = 0;
  h2_.unreserve(*request.stream, kDirectBytes);
}

std::uint32_t ServerSession::written_unnoted() const {
  std::uint32_t count = 0;
  for (const ListLink* link = requests_.next; link != &requests_; link = link->next) {
    const auto& request = static_cast<const ServerRequest&>(static_cast<const RequestLink&>(*link));
    const bool ours = request.reserved == 0 || request.stream->ended() || request.stream->closed();
    if (!ours && request.call != nullptr && request.call->answered.load(std::memory_order_acquire)) ++count;
  }
  return count;
}

void ServerSession::note_direct(ServerRequest& request, const rpc::ServerCall& call) {
  ROCKET_ON_IO_THREAD(connection_->io());
  request.reserved = 0;
  h2_.note_written(*request.stream, kDirectBytes, call.direct_bytes - static_cast<std::uint32_t>(kOverhead));
}

}  // namespace rocket::grpc
