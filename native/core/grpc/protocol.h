#pragma once

#include <cstddef>

#include "rpc/protocol.h"

namespace rocket::grpc {

/// gRPC over HTTP/2 for servers: clients begin with the preface of HTTP/2.
extern const rpc::Protocol kProtocol;

/// Its rejections are counted by the HTTP/2 error code that ended the connection, and one counter is for codes without
/// a name.
inline constexpr std::size_t kErrorCodes = 15;

}  // namespace rocket::grpc
