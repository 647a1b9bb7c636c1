#include "tinypb/frame.h"

#include "tinypb/crc32c.h"

namespace rocket::tinypb {

namespace {

/// Walks the length-prefixed fields between the frame's length and its suffix.
class FieldReader {
 public:
  explicit FieldReader(ByteSpan fields) : left_(fields) {}

  bool read_int(std::int32_t& out) {
    if (left_.size() < 4) return false;
    out = static_cast<std::int32_t>(load_be32(left_.data()));
    left_ = left_.subspan(4);
    return true;
  }
  bool read_text(std::string_view& out) {
    std::int32_t length;
    if (!read_int(length) || length < 0 || static_cast<std::size_t>(length) > left_.size()) return false;
    out = as_text(left_.first(static_cast<std::size_t>(length)));
    left_ = left_.subspan(static_cast<std::size_t>(length));
    return true;
  }
  ByteSpan rest() const { return left_; }

 private:
  ByteSpan left_;
};

std::uint8_t* put_text(std::uint8_t* at, std::string_view text) {
  store_be32(at, static_cast<std::uint32_t>(text.size()));
  if (!text.empty()) std::memcpy(at + 4, text.data(), text.size());
  return at + 4 + text.size();
}

}  // namespace

const char* name_of(DecodeError error) {
  switch (error) {
    case DecodeError::kNone: return "none";
    case DecodeError::kBadStartByte: return "bad_start_byte";
    case DecodeError::kFrameTooShort: return "frame_too_short";
    case DecodeError::kFrameTooLong: return "frame_too_long";
    case DecodeError::kBadFieldLength: return "bad_field_length";
    case DecodeError::kBadEndByte: return "bad_end_byte";
    case DecodeError::kBadChecksum: return "bad_checksum";
  }
  return "unknown";
}

FrameLength peek_length(ByteSpan head, std::size_t max_frame_bytes) {
  if (head.empty()) return {};
  if (head[0] != kStartByte) return {0, DecodeError::kBadStartByte};
  if (head.size() < kLengthEnd) return {};
  const auto length = static_cast<std::int32_t>(load_be32(head.data() + 1));
  if (length < static_cast<std::int32_t>(kFrameOverhead)) return {0, DecodeError::kFrameTooShort};
  if (static_cast<std::size_t>(length) > max_frame_bytes) {
    return {static_cast<std::size_t>(length), DecodeError::kFrameTooLong};
  }
  return {static_cast<std::size_t>(length), DecodeError::kNone};
}

FrameStart peek_start(ByteSpan begun, std::size_t frame_bytes) {
  FrameStart start;
  // What has to follow the names: err_code, the length of err_info, and the suffix.
  const std::size_t names_end = frame_bytes - (4 + 4 + kSuffixBytes);
  std::size_t at = kLengthEnd;
  for (std::string_view* name : {&start.msg_id, &start.method}) {
    start.bytes = at + 4;
    if (begun.size() < start.bytes) return start;
    const std::size_t size = load_be32(begun.data() + at);
    at += 4;
    if (size > kMaxNameBytes || at + size > names_end) {
      start.error = DecodeError::kBadFieldLength;
      return start;
    }
    start.bytes = at + size;
    if (begun.size() < start.bytes) return start;
    *name = as_text(begun.subspan(at, size));
    at += size;
  }
  return start;
}

DecodeError decode(ByteSpan frame, FrameView& out) {
  if (frame.size() < kFrameOverhead) return DecodeError::kFrameTooShort;
  if (frame.back() != kEndByte) return DecodeError::kBadEndByte;
  const std::size_t checksum_at = frame.size() - kSuffixBytes;
  FieldReader fields(frame.subspan(kLengthEnd, checksum_at - kLengthEnd));
  if (!fields.read_text(out.msg_id) || !fields.read_text(out.method) || !fields.read_int(out.err_code) ||
      !fields.read_text(out.err_info)) {
    return DecodeError::kBadFieldLength;
  }
  out.body = fields.rest();
  out.checksum = load_be32(frame.data() + checksum_at);
  if (out.checksum != kNoChecksum && out.checksum != crc32c(frame.first(checksum_at))) return DecodeError::kBadChecksum;
  return DecodeError::kNone;
}

std::size_t frame_bytes(const FrameHead& head, std::size_t body_bytes) {
  return kFrameOverhead + head.msg_id.size() + head.method.size() + head.err_info.size() + body_bytes;
}

std::size_t write_prefix(std::uint8_t* out, const FrameHead& head, std::size_t body_bytes) {
  std::uint8_t* at = out;
  *at++ = kStartByte;
  store_be32(at, static_cast<std::uint32_t>(frame_bytes(head, body_bytes)));
  at = put_text(at + 4, head.msg_id);
  at = put_text(at, head.method);
  store_be32(at, static_cast<std::uint32_t>(head.err_code));
  at = put_text(at + 4, head.err_info);
  return static_cast<std::size_t>(at - out);
}

void write_suffix(std::uint8_t* out, std::uint32_t checksum) {
  store_be32(out, checksum);
  out[4] = kEndByte;
}

void encode(std::uint8_t* out, const FrameHead& head, ByteSpan body, bool with_checksum) {
  const std::size_t prefix = write_prefix(out, head, body.size());
  if (!body.empty()) std::memcpy(out + prefix, body.data(), body.size());
  const std::size_t end = prefix + body.size();
  write_suffix(out + end, with_checksum ? crc32c({out, end}) : kNoChecksum);
}

}  // namespace rocket::tinypb
