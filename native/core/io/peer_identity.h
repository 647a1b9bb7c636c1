#pragma once

#include <cstdint>
#include <string_view>

namespace rocket::io {

/// What the peer of a connection has proved of itself to its layer.
struct PeerIdentity {
  /// Of the connection in this process, if the peer has shown a certificate; 0: none.
  std::uint64_t number = 0;
  /// Why that certificate is not valid, by the name that node:tls has for it; empty: it is.
  std::string_view error;
};

}  // namespace rocket::io
