#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

namespace rocket::io {

/// A numeric socket address: `127.0.0.1:80`, `[::1]:80`, `unix:/path` or, on Linux, `unix:@abstract`. Names are
/// resolved elsewhere, where waiting for a name server blocks nothing.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  bool is_unix() const { return family() == AF_UNIX; }
  /// Whether it has a file, which outlives its socket.
  bool is_unix_path() const { return is_unix() && reinterpret_cast<const sockaddr_un*>(get())->sun_path[0] != '\0'; }
};

/// Empty if `text` has none of these forms, or contains a NUL.
std::optional<Address> parse_address(std::string_view text);
std::string to_text(const sockaddr* address, socklen_t length);

/// The origin of a connection, in as few bytes as possible.
class PeerAddress {
 public:
  PeerAddress() = default;
  PeerAddress(const sockaddr* address, socklen_t length);
  /// `127.0.0.1:4000`, `[::1]:4000`, or `unix:` (the far end of a Unix socket has no name).
  std::string text() const;

 private:
  alignas(sockaddr_in6) unsigned char bytes_[sizeof(sockaddr_in6)] = {};
};

}  // namespace rocket::io
