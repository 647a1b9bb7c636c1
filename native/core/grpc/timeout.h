#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace rocket::grpc {

/// Parses `grpc-timeout`: up to eight digits and one of H M S m u n. Rounded up to milliseconds, so that only 0 gives
/// 0. Empty if it is malformed.
std::optional<Millis> parse_timeout(std::string_view value);

/// The longest value of `grpc-timeout`.
inline constexpr std::size_t kMostTimeoutBytes = 9;
/// Formats `grpc-timeout`, rounded up if eight digits of milliseconds are not enough. `room` has kMostTimeoutBytes.
std::string_view format_timeout(SteadyMs timeout, char* room);

}  // namespace rocket::grpc
