#pragma once

#include <cstdint>

#include "rpc/status.h"

namespace rocket::tinypb {

/// The wire code that says it: `own` as it is, else the code of C++ rocket for it, else ours.
std::int32_t wire_code_of(const rpc::Status& status);

/// What a wire code says; `own` is the wire code. A code of neither family is the application's own: kUnknown.
rpc::Status status_of(std::int32_t wire_code);

}  // namespace rocket::tinypb
