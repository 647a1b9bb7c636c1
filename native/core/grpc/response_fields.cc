#include "grpc/response_fields.h"

namespace rocket::grpc {

h2::Tag response_tag_of(std::string_view name) {
  if (name == "grpc-status") return tag::kGrpcStatus;
  if (name == "grpc-message") return tag::kGrpcMessage;
  if (name == "grpc-status-details-bin" || name == "grpc-retry-pushback-ms") return h2::Tag::kOther;
  return tag_of(name);
}

std::int32_t ResponseFields::parse_status(std::string_view value) {
  constexpr std::size_t kMostDigits = 9;
  if (value.empty() || value.size() > kMostDigits) return kNoStatus;
  std::int32_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return kNoStatus;
    number = number * 10 + (c - '0');
  }
  return number;
}

/// If two values differ, there is no valid status.
void ResponseFields::take_status(std::string_view value) {
  const std::int32_t status = parse_status(value);
  status_ = !status_ || *status_ == status ? status : kNoStatus;
}

}  // namespace rocket::grpc
