#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "h2/protocol.h"
#include "rpc/status.h"

namespace rocket::grpc {

// The statuses of a client for the ways in which a call can end.

/// The status for a `grpc-status`; negative: it is not a number.
rpc::Status status_of(std::int32_t grpc_status);
/// The status for a response without `grpc-status` (http-grpc-status-mapping of gRPC).
rpc::Status status_of_http(int http_status);
/// The status for a stream that was reset (PROTOCOL-HTTP2 of gRPC, "Errors").
rpc::Status status_of_reset(h2::ErrorCode code);

}  // namespace rocket::grpc
