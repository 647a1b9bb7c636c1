#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "h2/protocol.h"
#include "rpc/status.h"

namespace rocket::grpc {

// What a client makes of the ends that a call can have on the wire.

/// Of a `grpc-status`; negative: it is no number.
rpc::Status status_of(std::int32_t grpc_status);
/// Of a response without `grpc-status` (http-grpc-status-mapping of gRPC).
rpc::Status status_of_http(int http_status);
/// Of a stream that was reset (PROTOCOL-HTTP2 of gRPC, "Errors").
rpc::Status status_of_reset(h2::ErrorCode code);

}  // namespace rocket::grpc
