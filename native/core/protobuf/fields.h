#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rocket::protobuf {

// https://protobuf.dev/programming-guides/encoding/
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

/// A field of an encoded message, in place.
struct Field {
  std::uint64_t tag = 0;
  /// Where its bytes begin in the message; for a varint, where the varint itself begins.
  std::size_t at = 0;
  std::size_t size = 0;

  std::uint64_t number() const { return tag >> 3; }
  std::uint8_t type() const { return static_cast<std::uint8_t>(tag & 7); }
};

/// Moves `at` past a varint; false when it does not end within the message or in ten bytes.
inline bool read_varint(ByteSpan message, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 70 && at < message.size(); shift += 7) {
    const std::uint8_t byte = message[at++];
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// Moves `at` past a field; false if it is incomplete, or its type is unknown or a group.
inline bool read_field(ByteSpan message, std::size_t& at, Field& field) {
  if (!read_varint(message, at, field.tag)) return false;
  std::uint64_t size = 0;
  field.at = at;
  switch (field.type()) {
    case kVarint:
      if (!read_varint(message, at, size)) return false;
      field.size = at - field.at;
      return true;
    case kFixed64: size = 8; break;
    case kFixed32: size = 4; break;
    case kLength:
      if (!read_varint(message, at, size)) return false;
      field.at = at;
      break;
    default: return false;
  }
  if (size > message.size() - at) return false;
  field.size = static_cast<std::size_t>(size);
  at += field.size;
  return true;
}

}  // namespace rocket::protobuf
