#pragma once

#include <string>
#include <string_view>

#include "rpc/status.h"

namespace rocket::rpc {

/// What a caller is told of a method that is not there: why, in the words of C++ rocket, and the name that was asked
/// for, cut and escaped so that it can be shown anywhere and fits every peer's buffer.
std::string unknown_method_text(Reason why, std::string_view service, std::string_view name);

}  // namespace rocket::rpc
