#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/address.h"
#include "io/connection.h"

namespace rocket::io {

struct ConnectResult {
  std::optional<StreamSocket> socket;
  /// Of the address that was reached.
  PeerAddress peer;
  /// Why no address was reached, for people: `connect to 127.0.0.1:1: Connection refused`.
  std::string error;
};

/// Tries the addresses in order until one accepts; `timeout` bounds all of it. TCP sockets get TCP_NODELAY, and
/// keep-alive so that a peer that vanished is noticed within about a minute.
Task<ConnectResult> connect(IoThread& io, std::vector<Address> addresses, Millis timeout);

/// The same socket options, for a listener whose accepted sockets inherit them (Linux).
void set_stream_options(int fd);

}  // namespace rocket::io
