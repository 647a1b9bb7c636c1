#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

namespace rocket::io {

/// A numeric socket address: `127.0.0.1:80`, `[::1]:80`, `unix:/path` or, on Linux, `unix:@abstract`. Names are
/// resolved elsewhere, where waiting for a name server harms nobody.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  bool is_unix() const { return family() == AF_UNIX; }
  /// Has a file, which outlives its socket.
  bool is_unix_path() const { return is_unix() && reinterpret_cast<const sockaddr_un*>(get())->sun_path[0] != '\0'; }
};

/// Nothing when `text` is none of these forms, or has a NUL in it.
std::optional<Address> parse_address(std::string_view text);
std::string to_text(const sockaddr* address, socklen_t length);

/// Where a connection comes from, in the few bytes that every connection can afford.
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
