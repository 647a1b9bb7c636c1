#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rocket::rpc {

/// Protocols that people talk to a TinyPB port, or to which they point a TinyPB client, by mistake.
enum class Foreign : std::uint8_t { kNone, kHttp1, kHttp2, kTls };
inline constexpr std::size_t kForeignCount = 4;
/// The name used in stats, such as `http1`.
const char* name_of(Foreign protocol);
/// The name for people, such as `HTTP/1`.
const char* title_of(Foreign protocol);

/// What a client is that begins a connection with these bytes, none of which is the start of a frame.
Foreign foreign_client(ByteSpan head);
/// What a server is that answers a frame with these.
Foreign foreign_server(ByteSpan head);

}  // namespace rocket::rpc
