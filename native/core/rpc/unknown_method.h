#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rocket::rpc {

/// What a caller is told of a method that is not there: the error of C++ rocket, and the name that was asked for, cut
/// and escaped so that it can be shown anywhere and fits every peer's buffer.
std::string unknown_method_text(std::int32_t wire_code, std::string_view method);

}  // namespace rocket::rpc
