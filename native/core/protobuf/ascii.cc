#include "protobuf/ascii.h"

#include <cstdint>
#include <cstring>

#include "protobuf/fields.h"

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

}  // namespace

bool text_is_ascii(ByteSpan message, std::uint32_t string_fields, StringSpans& strings) {
  std::size_t at = 0;
  Field field;
  while (at < message.size()) {
    if (!read_field(message, at, field)) return false;
    if (field.type() != kLength) continue;
    if (!all_ascii(message.subspan(field.at, field.size))) return false;
    if (field.number() < 32 && ((string_fields >> field.number()) & 1) != 0) {
      strings.add(static_cast<std::uint32_t>(field.at), static_cast<std::uint32_t>(field.size));
    }
  }
  return true;
}

}  // namespace rocket::protobuf
