#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <variant>

#include "io/listener.h"
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
  }
  ~RawListener() { ::close(fd); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  RawPeer accept() const { return RawPeer(::accept(fd, nullptr, nullptr)); }

  int fd = -1;
  std::string address;
};

}  // namespace rocket::test
