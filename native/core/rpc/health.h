#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace rocket::rpc {

/// The health service that every server answers natively, so that it answers while JavaScript is blocked:
/// proto/rocket/health/v1/health.proto.
namespace health {

inline constexpr std::string_view kService = "rocket.health.v1.Health";
inline constexpr std::string_view kCheck = "rocket.health.v1.Health.check";
/// The msg_id of the health checks that a client's core sends by itself. No call can have it: the ids of nested calls
/// contain a dot.
inline constexpr std::string_view kPingId = "rocket-rpc-ping";

enum class Status : std::uint8_t { kUnknown, kServing, kNotServing, kServiceUnknown, kServingBlocked };

/// Reads a HealthCheckRequest: `service` then points into `body`. False if the bytes are not such a message.
bool decode_request(ByteSpan body, std::string_view& service);

/// A HealthCheckResponse.
class Response {
 public:
  Response(Status status, std::uint32_t js_lag_ms, std::uint32_t calls_in_flight);
  ByteSpan bytes() const { return {bytes_.data(), size_}; }

 private:
  void put(std::uint8_t field, std::uint32_t value);

  static constexpr std::size_t kMaxFieldBytes = 6;  // a tag of one byte and 32 bits as a varint
  std::array<std::uint8_t, 3 * kMaxFieldBytes> bytes_;
  std::size_t size_ = 0;
};

}  // namespace health

}  // namespace rocket::rpc
