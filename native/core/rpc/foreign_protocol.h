#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rocket::rpc {

/// Protocols that are used by mistake with a port or a client of ours. kPlain: bytes without TLS at a port that
/// requires it.
enum class Foreign : std::uint8_t { kNone, kHttp1, kHttp2, kTls, kPlain };
inline constexpr std::size_t kForeignCount = 5;
/// The name used in stats, such as `http1`.
const char* name_of(Foreign protocol);
/// The name in errors and logs, such as `HTTP/1`.
const char* title_of(Foreign protocol);

/// The protocol of a client whose connection begins with these bytes, which are not the start of a frame.
Foreign foreign_client(ByteSpan head);
/// Whether a client begins a TLS handshake. One byte shows it, as no other protocol here begins with it.
bool begins_tls(ByteSpan head);
/// The protocol of a server that answers a frame with these bytes.
Foreign foreign_server(ByteSpan head);

}  // namespace rocket::rpc
