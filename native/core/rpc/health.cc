#include "rpc/health.h"

#include "protobuf/fields.h"

namespace rocket::rpc::health {

bool decode_request(ByteSpan body, std::string_view& service) {
  service = {};
  protobuf::Field field;
  for (std::size_t at = 0; at < body.size();) {
    if (!protobuf::read_field(body, at, field)) return false;
    if (field.number() == 0 || field.tag >> 32 != 0) return false;
    if (field.tag == (1 << 3 | protobuf::kLength))
      service = {reinterpret_cast<const char*>(body.data()) + field.at, field.size};
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
  bytes_[size_++] = static_cast<std::uint8_t>(field << 3 | protobuf::kVarint);
  for (; value >= 0x80; value >>= 7) bytes_[size_++] = static_cast<std::uint8_t>(value | 0x80);
  bytes_[size_++] = static_cast<std::uint8_t>(value);
}

}  // namespace rocket::rpc::health
