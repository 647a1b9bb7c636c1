#include "frame.h"

#include <bit>
#include <cstring>
#include <stdexcept>

namespace rocket::bench {
namespace {

constexpr std::size_t kMsgIdOffset = 9;
constexpr std::size_t kSlotDigits = 6;
constexpr std::size_t kSequenceDigits = CallId::kBytes - kSlotDigits;

void write_hex(std::uint8_t* to, std::size_t digits, std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = digits; i-- > 0; value >>= 4) to[i] = static_cast<std::uint8_t>(kDigits[value & 15]);
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

std::uint32_t read_u32(const std::uint8_t* from) {
  return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 | from[3];
}

void append_u32(std::vector<std::uint8_t>& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::size_t varint_bytes(std::size_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

// Pads with empty continuation groups up to `width` bytes, which every protobuf parser accepts.
void append_varint(std::string& out, std::size_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i, value >>= 7) {
    out.push_back(static_cast<char>((value & 0x7f) | (i + 1 < width ? 0x80 : 0)));
  }
}

}  // namespace

void CallId::write(std::uint8_t* to) const {
  write_hex(to, kSlotDigits, slot);
  write_hex(to + kSlotDigits, kSequenceDigits, sequence);
}

std::optional<CallId> CallId::parse(std::string_view text) {
  if (text.size() != kBytes) return std::nullopt;
  const auto slot = parse_hex(text.substr(0, kSlotDigits));
  const auto sequence = parse_hex(text.substr(kSlotDigits));
  if (!slot || !sequence) return std::nullopt;
  return CallId{static_cast<std::uint32_t>(*slot), *sequence};
}

RequestTemplate::RequestTemplate(std::string_view method, std::size_t body_bytes, std::uint32_t deadline_ms) {
  const std::string body = make_order_body(body_bytes);
  frame_.push_back(kStartByte);
  append_u32(frame_, kEmptyFrameBytes + CallId::kBytes + method.size() + body.size());
  append_u32(frame_, CallId::kBytes);
  frame_.resize(frame_.size() + CallId::kBytes);
  append_u32(frame_, method.size());
  frame_.insert(frame_.end(), method.begin(), method.end());
  append_u32(frame_, deadline_ms);
  append_u32(frame_, 0);
  frame_.insert(frame_.end(), body.begin(), body.end());
  append_u32(frame_, 1);
  frame_.push_back(kEndByte);
}

void RequestTemplate::append_to(std::vector<std::uint8_t>& out, const CallId& id) const {
  const std::size_t at = out.size();
  out.insert(out.end(), frame_.begin(), frame_.end());
  id.write(out.data() + at + kMsgIdOffset);
}

Reply parse_reply(std::span<const std::uint8_t> bytes, std::size_t max_frame_bytes) {
  const Reply malformed{.kind = Reply::Kind::kMalformed, .msg_id = {}};
  const Reply incomplete{.kind = Reply::Kind::kIncomplete, .msg_id = {}};
  if (bytes.empty()) return incomplete;
  if (bytes[0] != kStartByte) return malformed;
  if (bytes.size() < 5) return incomplete;
  const std::size_t frame_bytes = read_u32(bytes.data() + 1);
  if (frame_bytes < kEmptyFrameBytes || frame_bytes > max_frame_bytes) return malformed;
  if (bytes.size() < frame_bytes) return incomplete;
  if (bytes[frame_bytes - 1] != kEndByte) return malformed;

  // What the three variable fields and the body may still take; a negative length reads as one far too large.
  std::size_t left = frame_bytes - kEmptyFrameBytes;
  const std::uint8_t* at = bytes.data() + 5;
  const std::size_t msg_id_bytes = read_u32(at);
  if (msg_id_bytes > left) return malformed;
  left -= msg_id_bytes;
  const std::string_view msg_id(reinterpret_cast<const char*>(at + 4), msg_id_bytes);
  at += 4 + msg_id_bytes;
  const std::size_t method_bytes = read_u32(at);
  if (method_bytes > left) return malformed;
  left -= method_bytes;
  at += 4 + method_bytes;
  const auto err_code = static_cast<std::int32_t>(read_u32(at));
  if (read_u32(at + 4) > left) return malformed;
  return {.kind = Reply::Kind::kComplete, .frame_bytes = frame_bytes, .msg_id = msg_id, .err_code = err_code};
}

std::string make_order_body(std::size_t bytes) {
  if (bytes == 0) return {};
  if (bytes == 1) throw std::invalid_argument("a makeOrderRequest has no encoding of one byte");
  std::string body(1, '\x08');
  append_varint(body, 100, bytes == 3 ? 2 : 1);
  const std::size_t rest = bytes - body.size();
  for (std::size_t width = 1; width <= 5 && rest > width; ++width) {
    const std::size_t goods_bytes = rest - 1 - width;
    if (varint_bytes(goods_bytes) > width) continue;
    body.push_back('\x12');
    append_varint(body, goods_bytes, width);
    body.append(goods_bytes, 'x');
    break;
  }
  return body;
}

}  // namespace rocket::bench
