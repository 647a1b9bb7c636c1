#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "tls/context.h"

namespace rocket::rpc {

/// The settings for TLS connections of a server.
struct ServerTls {
  /// Null: the server has no TLS. Server::set_tls() replaces it.
  std::shared_ptr<const tls::Context> context;
  /// Connections without TLS are served, too.
  bool allow_plain = false;
  /// Time for the handshake, from when the connection is accepted, or with `allow_plain` from its first byte.
  Millis handshake_timeout{10'000};
  /// Concurrent handshakes of the whole server, from their first byte; past it the oldest of the io thread is closed.
  std::size_t max_handshakes = 1024;
};

}  // namespace rocket::rpc
