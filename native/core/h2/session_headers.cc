// Incoming header blocks: assembled, decoded, checked.
#include <cstring>

#include "h2/client_session.h"
#include "h2/server_session.h"

namespace rocket::h2 {

namespace {

/// A header list this many times over the limit is an attack, not a mistake.
constexpr std::size_t kTooMuch = 4;

}  // namespace

void Session::take_headers(const FrameHead& head, ByteSpan payload) {
  if ((head.stream & 1) == 0) return fail(ErrorCode::kProtocolError, "HEADERS on a stream with an even id");
  ByteSpan part;
  const auto fault = read_headers(head, payload, part);
  if (fault && !fault.of_stream) return fail(fault.code, fault.why);
  if (head.has(kEndHeaders)) return take_block(head.stream, head.has(kEndStream), part, fault);
  block_stream_ = head.stream;
  block_ended_ = head.has(kEndStream);
  block_fault_ = fault;
  continuations_ = 0;
  keep_block(part);
}

void Session::take_continuation(const FrameHead& head, ByteSpan payload) {
  if (++continuations_ > options_.max_continuations)
    return fail(ErrorCode::kEnhanceYourCalm, "too many CONTINUATION frames");
  if (!keep_block(payload) || !head.has(kEndHeaders)) return;
  const auto block = std::move(block_);
  const auto bytes = block.span().first(block_bytes_);
  const auto id = block_stream_;
  block_bytes_ = 0;
  block_stream_ = 0;
  take_block(id, block_ended_, bytes, block_fault_);
}

bool Session::keep_block(ByteSpan part) {
  const std::size_t size = block_bytes_ + part.size();
  if (size > kTooMuch * options_.max_header_list_bytes) {
    fail(ErrorCode::kEnhanceYourCalm, "header block far over SETTINGS_MAX_HEADER_LIST_SIZE");
    return false;
  }
  if (size > block_.size() && !block_.try_grow(size)) {
    fail(ErrorCode::kInternalError, "no memory for a header block");
    return false;
  }
  if (!part.empty()) std::memcpy(block_.data() + block_bytes_, part.data(), part.size());
  block_bytes_ = size;
  return true;
}

/// A block is decoded even if its stream is refused: it may change the table.
void Session::take_block(std::uint32_t id, bool ended, ByteSpan block, const Fault& fault) {
  if (auto* const stream = streams_.find(id)) {
    if (!fault && !stream->peer_ended_) {
      if (stream->headers_taken_) return take_trailers(*stream, ended, block);
      return static_cast<ClientSession*>(this)->take_response(*stream, ended, block);
    }
    if (!decode_unheard(block)) return;
    if (fault) return reset_for(*stream, fault);
    return reset_for(*stream, {ErrorCode::kStreamClosed, true, "HEADERS after END_STREAM"});
  }
  if (id <= last_stream_) return take_late_block(id, block);
  if (role_ == Role::kClient) return fail(ErrorCode::kProtocolError, "HEADERS on an idle stream");
  static_cast<ServerSession*>(this)->open_stream(id, ended, block, fault);
}

void Session::take_late_block(std::uint32_t id, ByteSpan block) {
  switch (past(id)) {
    case Past::kResetByUs:
      if (decode_unheard(block)) note_late();
      return;
    case Past::kClosed: return fail(ErrorCode::kStreamClosed, "HEADERS on a closed stream");
    case Past::kUnknown:
      // It was never opened, unless so many streams have ended since that it is forgotten.
      if (role_ == Role::kServer && past_at_ <= kRemembered)
        return fail(ErrorCode::kProtocolError, "a stream id lower than an earlier one");
      if (decode_unheard(block)) note_late();
      return;
  }
}

bool Session::decode(ByteSpan bytes, Block& out) {
  std::size_t list_bytes = 0;
  const std::size_t limit = options_.max_header_list_bytes;
  handler_.on_block();
  const auto error = decoder_.decode(bytes, resources_.scratch, [&](const Field& field) {
    list_bytes += field.size();
    out.check.take(field);
    if (list_bytes <= limit) {
      handler_.on_field(field);
      return true;
    }
    return list_bytes <= kTooMuch * limit;
  });
  out.too_large = list_bytes > limit;
  switch (error) {
    case HpackError::kNone: return !closed_;
    case HpackError::kStopped:
      fail(ErrorCode::kEnhanceYourCalm, "header list far over SETTINGS_MAX_HEADER_LIST_SIZE");
      return false;
    case HpackError::kNoMemory: fail(ErrorCode::kInternalError, "no memory for a header block"); return false;
    case HpackError::kTruncated:
    case HpackError::kBadInteger:
    case HpackError::kBadIndex:
    case HpackError::kBadHuffman:
    case HpackError::kBadTableSize:
    case HpackError::kLateTableSize: break;
  }
  fail(ErrorCode::kCompressionError, name_of(error));
  return false;
}

bool Session::decode_unheard(ByteSpan bytes) {
  std::size_t list_bytes = 0;
  const auto error = decoder_.decode(bytes, resources_.scratch, [&](const Field& field) {
    list_bytes += field.size();
    return list_bytes <= kTooMuch * options_.max_header_list_bytes;
  });
  if (error == HpackError::kNone) return true;
  if (error == HpackError::kStopped) {
    fail(ErrorCode::kEnhanceYourCalm, "header list far over SETTINGS_MAX_HEADER_LIST_SIZE");
  } else {
    fail(error == HpackError::kNoMemory ? ErrorCode::kInternalError : ErrorCode::kCompressionError, name_of(error));
  }
  return false;
}

void Session::take_trailers(Stream& stream, bool ended, ByteSpan bytes) {
  Block block{.check = FieldCheck(FieldCheck::Kind::kTrailers)};
  if (!(stream.released_ ? decode_unheard(bytes) : decode(bytes, block))) return;
  if (!ended) return reset_for(stream, {ErrorCode::kProtocolError, true, "trailers without END_STREAM"});
  if (const char* why = block.check.verdict()) return reset_for(stream, {ErrorCode::kProtocolError, true, why});
  if (stream.content_left_ > 0)
    return reset_for(stream, {ErrorCode::kProtocolError, true, "content-length is not the length of the body"});
  stream.peer_ended_ = true;
  const bool heard = !stream.released_;
  if (stream.ended_ && stream.queue_.empty()) close_stream(stream, End::kBothEnded);
  if (heard && !closed_) handler_.on_trailers(stream, block.too_large);
}

}  // namespace rocket::h2
