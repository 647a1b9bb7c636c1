#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace rocket::grpc {

/// The value of `grpc-timeout`: up to eight digits and one of H M S m u n. Rounded up to milliseconds, so that only 0
/// is 0. Empty when it is malformed.
std::optional<Millis> parse_timeout(std::string_view value);

}  // namespace rocket::grpc
