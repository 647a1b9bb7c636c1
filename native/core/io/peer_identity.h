#pragma once

#include <cstdint>
#include <string_view>

namespace rocket::io {

/// The identity that the peer of a connection has proved to its layer.
struct PeerIdentity {
  /// A number of this identity within the process; 0: the peer has shown no certificate.
  std::uint64_t number = 0;
  /// Why that certificate is not valid, as a code of node:tls; empty: it is valid.
  std::string_view error;
};

}  // namespace rocket::io
