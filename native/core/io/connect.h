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
  /// Nobody was there to refuse: the packets went nowhere.
  bool unanswered = false;
};

/// When the kernel asks a silent peer whether it is there, and gives it up after as many questions without an answer.
struct TcpKeepalive {
  int idle_seconds = 30;
  int interval_seconds = 10;
  int questions = 3;
};

/// Tries the addresses in order until one accepts; `timeout` bounds all of it. TCP sockets get TCP_NODELAY and
/// keep-alive.
Task<ConnectResult> connect(IoThread& io, std::vector<Address> addresses, Millis timeout, TcpKeepalive keepalive = {});

/// The same socket options, for a listener whose accepted sockets inherit them (Linux). By default a client that
/// vanished is noticed within about a minute.
void set_stream_options(int fd, TcpKeepalive keepalive = {});

}  // namespace rocket::io
