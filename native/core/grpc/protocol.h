#pragma once

#include <cstddef>

#include "rpc/protocol.h"

namespace rocket::grpc {

/// gRPC over HTTP/2 as a server speaks it: to clients that begin with the preface of HTTP/2.
extern const rpc::Protocol kProtocol;

/// Its rejections are the error codes of HTTP/2 that ended connections, and one for codes without a name.
/// for.
inline constexpr std::size_t kErrorCodes = 15;

}  // namespace rocket::grpc
