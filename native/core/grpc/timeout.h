#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace rocket::grpc {

/// The value of `grpc-timeout`: up to eight digits and one of H M S m u n. Rounded up to milliseconds, so that only 0
/// is 0. Empty when it is malformed.
std::optional<Millis> parse_timeout(std::string_view value);

/// The longest value of `grpc-timeout`.
inline constexpr std::size_t kMostTimeoutBytes = 9;
/// The same, rounded up where eight digits of milliseconds do not suffice. `room` has kMostTimeoutBytes.
std::string_view format_timeout(SteadyMs timeout, char* room);

}  // namespace rocket::grpc
