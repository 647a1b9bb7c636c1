// Incoming header blocks: assembled, decoded, checked.
#include <cstring>

#include "h2/session.h"

namespace rocket::h2 {

namespace {

/// A header list so many times over the limit is an attack, not a mistake.
constexpr std::size_t kTooMuch = 4;
/// How many glitches a stream returns: a call is often followed by a WINDOW_UPDATE or two, and a PING.
constexpr std::int32_t kGlitchesPerStream = 4;
/// The longest block that is compared with the next one.
constexpr std::size_t kLastBlockBytes = 512;

}  // namespace

void Session::take_headers(const FrameHead& head, ByteSpan payload) {
  if ((head.stream & 1) == 0) return fail(ErrorCode::kProtocolError, "a client's stream with an even id");
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
    if (!fault && !stream->peer_ended_) return take_trailers(*stream, ended, block);
    if (!decode_unheard(block)) return;
    if (fault) return reset_for(*stream, fault);
    return reset_for(*stream, {ErrorCode::kStreamClosed, true, "HEADERS after END_STREAM"});
  }
  if (id > last_stream_) return open_stream(id, ended, block, fault);
  switch (past(id)) {
    case Past::kResetByUs:
      if (decode_unheard(block)) glitch();
      return;
    case Past::kClosed: return fail(ErrorCode::kStreamClosed, "HEADERS on a closed stream");
    case Past::kUnknown: return fail(ErrorCode::kProtocolError, "a stream id lower than an earlier one");
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

/// As decode(), unless the block is the last one once more: decoding is half of what a small request costs.
bool Session::decode_request(ByteSpan bytes, Block& out) {
  const auto changes = decoder_.table().changes();
  const bool again = last_.size == bytes.size() && last_.table_changes == changes && !bytes.empty() &&
                     std::memcmp(last_.bytes.data(), bytes.data(), bytes.size()) == 0;
  if (again && last_.kept) {
    out = last_.found;
    handler_.on_kept_block();
    return true;
  }
  last_.kept = false;
  if (!decode(bytes, out)) return false;
  const bool repeatable = bytes.size() <= kLastBlockBytes && decoder_.table().changes() == changes && !out.too_large &&
                          out.check.verdict() == nullptr;
  if (!repeatable) {
    last_.size = 0;
  } else if (again) {
    last_.found = out;
    last_.kept = handler_.keep_block();
  } else if (!bytes.empty() && (bytes.size() <= last_.bytes.size() || last_.bytes.try_grow(bytes.size()))) {
    std::memcpy(last_.bytes.data(), bytes.data(), bytes.size());
    last_.size = bytes.size();
    last_.table_changes = changes;
  }
  return true;
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

void Session::open_stream(std::uint32_t id, bool ended, ByteSpan bytes, const Fault& fault) {
  const bool unserved = shutdown_ >= Shutdown::kFinished;
  last_stream_ = id;
  if (unserved || fault || held_ >= options_.max_streams) {
    if (!decode_unheard(bytes)) return;
    // The GOAWAY that it crossed has told the peer that it is not served.
    if (unserved) {
      remember(id, true);
      glitch();
      return;
    }
    return refuse(id, fault ? fault.code : ErrorCode::kRefusedStream);
  }
  glitches_.give(kGlitchesPerStream, options_.glitches);
  Block block{RequestCheck(RequestCheck::Kind::kRequest)};
  if (!decode_request(bytes, block)) return;
  const auto content = block.check.content_length();
  if (block.check.verdict() != nullptr || (ended && content > 0)) return refuse(id, ErrorCode::kProtocolError);

  Stream* const stream = resources_.streams.take();
  if (stream == nullptr) return refuse(id, ErrorCode::kRefusedStream);
  stream->id_ = id;
  if (!streams_.insert(*stream)) {
    resources_.streams.give(stream);
    return refuse(id, ErrorCode::kRefusedStream);
  }
  ++held_;
  stream->peer_ended_ = ended;
  stream->send_window_ = static_cast<std::int32_t>(peer_window_);
  stream->receive_window_ = static_cast<std::int32_t>(options_.stream_window);
  stream->content_left_ = content;
  handler_.on_request(*stream, {.too_large = block.too_large, .ended = ended});
}

void Session::take_trailers(Stream& stream, bool ended, ByteSpan bytes) {
  Block block{RequestCheck(RequestCheck::Kind::kTrailers)};
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
