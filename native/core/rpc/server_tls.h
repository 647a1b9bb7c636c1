#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "tls/context.h"

namespace rocket::rpc {

/// How a server takes TLS connections.
struct ServerTls {
  /// Null: it does not. Server::set_tls() replaces it.
  std::shared_ptr<const tls::Context> context;
  /// Connections that begin without TLS are served, too.
  bool allow_plain = false;
  /// From when a connection is accepted, or with `allow_plain` from its first byte.
  Millis handshake_timeout{10'000};
  /// Of the whole server, at a time, from their first byte; past it the oldest of the io thread is closed.
  std::size_t max_handshakes = 1024;
};

}  // namespace rocket::rpc
