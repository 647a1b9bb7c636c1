#include "protobuf/ascii.h"

#include <cstdint>
#include <cstring>

namespace rocket::protobuf {

namespace {

bool all_ascii(ByteSpan bytes) {
  std::uint64_t seen = 0;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    seen |= word;
  }
  for (; at < bytes.size(); ++at) seen |= bytes[at];
  return (seen & 0x8080808080808080u) == 0;
}

/// Moves `at` past a varint; false when it does not end within the message or in ten bytes.
bool read_varint(ByteSpan message, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70 && at < message.size(); shift += 7) {
    const std::uint8_t byte = message[at++];
    if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

bool text_is_ascii(ByteSpan message, std::uint32_t string_fields, StringSpans& strings) {
  std::size_t at = 0;
  std::uint64_t value;
  while (at < message.size()) {
    if (!read_varint(message, at, value)) return false;
    const std::uint64_t tag = value;
    std::size_t fixed = 0;
    switch (tag & 7) {
      case 0:
        if (!read_varint(message, at, value)) return false;
        break;
      case 1: fixed = 8; break;
      case 5: fixed = 4; break;
      case 2:
        if (!read_varint(message, at, value) || value > message.size() - at) return false;
        if (!all_ascii(message.subspan(at, static_cast<std::size_t>(value)))) return false;
        if (const std::uint64_t field = tag >> 3; field < 32 && ((string_fields >> field) & 1) != 0) {
          strings.add(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(value));
        }
        at += static_cast<std::size_t>(value);
        break;
      default: return false;
    }
    if (fixed > message.size() - at) return false;
    at += fixed;
  }
  return true;
}

}  // namespace rocket::protobuf
