#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/address.h"
#include "io/connection.h"

namespace rocket::io {

struct ConnectResult {
  std::optional<StreamSocket> socket;
  /// The socket connected to the reached address.
  PeerAddress peer;
  /// Why no address was reached, for errors: `connect to 127.0.0.1:1: Connection refused`.
  std::string error;
  /// Nothing refused the connection: the packets got no answer.
  bool unanswered = false;
  /// A layer for the connection, which has already been used on the socket; null: none.
  std::unique_ptr<ByteStream> layer = nullptr;
};

/// When the kernel probes a silent peer, and after how many unanswered probes it gives up.
struct TcpKeepalive {
  int idle_seconds = 30;
  int interval_seconds = 10;
  int questions = 3;
};

/// Tries the addresses in order until one accepts; `timeout` limits the total time. TCP sockets get TCP_NODELAY and
/// keep-alive.
Task<ConnectResult> connect(IoThread& io, std::vector<Address> addresses, Millis timeout, TcpKeepalive keepalive = {});

/// The same socket options, for a listener whose accepted sockets inherit them (Linux). By default a vanished client is
/// noticed within about a minute.
void set_stream_options(int fd, TcpKeepalive keepalive = {});

}  // namespace rocket::io
