#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace rocket::io {

namespace {

constexpr std::string_view kUnixScheme = "unix:";

std::optional<Address> parse_unix(std::string_view path) {
  Address address;
  auto* to = reinterpret_cast<sockaddr_un*>(&address.storage);
  const bool abstract = path.starts_with('@');
#if !defined(__linux__)
  if (abstract) return std::nullopt;
#endif
  if (path.size() < (abstract ? 2 : 1) || path.size() >= sizeof to->sun_path) return std::nullopt;
  to->sun_family = AF_UNIX;
  std::memcpy(to->sun_path, path.data(), path.size());
  if (abstract) {
    // The name is as long as the length says: a trailing NUL would be part of it.
    to->sun_path[0] = '\0';
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    return address;
  }
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

std::optional<Address> parse_ip(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
  Address address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const std::string inner(host.substr(1, host.size() - 2));
    auto* to = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET6, inner.c_str(), &to->sin6_addr) != 1) return std::nullopt;
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    address.length = sizeof *to;
    return address;
  }
  auto* to = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, std::string(host).c_str(), &to->sin_addr) != 1) return std::nullopt;
  to->sin_family = AF_INET;
  to->sin_port = htons(port);
  address.length = sizeof *to;
  return address;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // everything after it would be lost
  auto address = text.starts_with(kUnixScheme) ? parse_unix(text.substr(kUnixScheme.size())) : parse_ip(text);
  if (address) address->text = text;
  return address;
}

std::string to_text(const sockaddr* address, socklen_t length) {
  char host[INET6_ADDRSTRLEN] = {};
  switch (address->sa_family) {
    case AF_INET: {
      const auto* from = reinterpret_cast<const sockaddr_in*>(address);
      inet_ntop(AF_INET, &from->sin_addr, host, sizeof host);
      return std::string(host) + ":" + std::to_string(ntohs(from->sin_port));
    }
    case AF_INET6: {
      const auto* from = reinterpret_cast<const sockaddr_in6*>(address);
      inet_ntop(AF_INET6, &from->sin6_addr, host, sizeof host);
      return "[" + std::string(host) + "]:" + std::to_string(ntohs(from->sin6_port));
    }
    case AF_UNIX: {
      const auto* from = reinterpret_cast<const sockaddr_un*>(address);
      if (length <= offsetof(sockaddr_un, sun_path)) return std::string(kUnixScheme);
      if (from->sun_path[0] == '\0') {
        const std::size_t size = length - offsetof(sockaddr_un, sun_path);
        return std::string(kUnixScheme) + "@" + std::string(from->sun_path + 1, size - 1);
      }
      return std::string(kUnixScheme) + from->sun_path;
    }
    default: return "unknown";
  }
}

PeerAddress::PeerAddress(const sockaddr* address, socklen_t length) {
  if (address->sa_family == AF_UNIX) length = offsetof(sockaddr_un, sun_path);
  std::memcpy(bytes_, address, std::min<std::size_t>(length, sizeof bytes_));
}

std::string PeerAddress::text() const {
  return to_text(reinterpret_cast<const sockaddr*>(bytes_), sizeof(sa_family_t));
}

}  // namespace rocket::io
