#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <netinet/in.h>

namespace rocket::bench {

std::int64_t monotonic_nanos();

// No address for text that is not a dotted IPv4 address.
std::optional<sockaddr_in> ipv4_address(const std::string& host, std::uint16_t port);

// Loopback gives about 28,000 ports to each pair of addresses. A caller that wants more connections than that, or a
// new one for each call, spreads them over the sources 127.0.0.1, 127.0.0.2, ... `source` 0 lets the kernel choose.
inline constexpr std::uint32_t kConnectionsPerSource = 20'000;

struct ConnectAttempt {
  enum class State { kFailed, kPending, kConnected };

  State state;
  int fd = -1;
  int error = 0;
};

// Non-blocking, with TCP_NODELAY.
ConnectAttempt start_connect(const sockaddr_in& to, std::uint32_t source);

// After the socket became writable: 0, or the errno of the connect.
int connect_error(int fd);

// Spreads out the opening of many connections. Faster, they overflow the listen backlog (511 in Node) before the
// server has come to accept, and a SYN that was dropped is only sent again after a second.
class ConnectPace {
 public:
  // False when this moment has had its share.
  bool allow(std::int64_t now_nanos);

 private:
  std::int64_t moment_ = 0;
  int opened_ = 0;
};

// Many connections need many descriptors; returns how many there may be.
std::uint64_t raise_descriptor_limit();

}  // namespace rocket::bench
