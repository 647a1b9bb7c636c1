#pragma once

#include <string>
#include <string_view>

#include "rpc/status.h"

namespace rocket::rpc {

/// The error text for an unknown method: the reason, with C++ rocket's wording, and the requested name, truncated and
/// escaped so that it can be shown anywhere and fits every peer's buffer.
std::string unknown_method_text(Reason why, std::string_view service, std::string_view name);

}  // namespace rocket::rpc
