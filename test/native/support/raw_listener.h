#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <variant>

#include "io/listener.h"
#include "support/monitor.h"
#include "support/raw_peer.h"

namespace rocket::test {

/// A listening socket on a free port, whose connections a test speaks with as plainly as it wants.
struct RawListener {
  RawListener() {
    auto opened = io::Listener::open(*io::parse_address("127.0.0.1:0"), 16);
    auto& listener = std::get<io::Listener>(opened);
    address = listener.bound_text();
    fd = listener.release();
    ::fcntl(fd, F_SETFL, 0);
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawListener() { ::close(fd); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  /// Without a socket if none connects within kPatience.
  RawPeer accept() const { return RawPeer(::accept(fd, nullptr, nullptr)); }

  int fd = -1;
  std::string address;
};

}  // namespace rocket::test
