#include "rpc/health.h"

namespace rocket::rpc::health {

namespace {

// https://protobuf.dev/programming-guides/encoding/
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

bool take_varint(ByteSpan& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return false;
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// The bytes of a field of that type; false when they are not all there, or for a type that is not one (or a group).
bool take_field(ByteSpan& bytes, std::uint8_t type, ByteSpan& field) {
  std::uint64_t size = 0;
  switch (type) {
    case kVarint: return take_varint(bytes, size);
    case kFixed64: size = 8; break;
    case kFixed32: size = 4; break;
    case kLength:
      if (!take_varint(bytes, size)) return false;
      break;
    default: return false;
  }
  if (size > bytes.size()) return false;
  field = bytes.first(size);
  bytes = bytes.subspan(size);
  return true;
}

}  // namespace

bool decode_request(ByteSpan body, std::string_view& service) {
  service = {};
  while (!body.empty()) {
    std::uint64_t tag = 0;
    ByteSpan field;
    if (!take_varint(body, tag) || tag >> 3 == 0 || tag >> 32 != 0) return false;
    const auto type = static_cast<std::uint8_t>(tag & 7);
    if (!take_field(body, type, field)) return false;
    if (tag == (1 << 3 | kLength)) service = {reinterpret_cast<const char*>(field.data()), field.size()};
  }
  return true;
}

Response::Response(Status status, std::uint32_t js_lag_ms, std::uint32_t calls_in_flight) {
  put(1, static_cast<std::uint32_t>(status));
  put(2, js_lag_ms);
  put(3, calls_in_flight);
}

void Response::put(std::uint8_t field, std::uint32_t value) {
  if (value == 0) return;
  bytes_[size_++] = static_cast<std::uint8_t>(field << 3 | kVarint);
  for (; value >= 0x80; value >>= 7) bytes_[size_++] = static_cast<std::uint8_t>(value | 0x80);
  bytes_[size_++] = static_cast<std::uint8_t>(value);
}

}  // namespace rocket::rpc::health
