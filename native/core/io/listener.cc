#include "io/listener.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/connect.h"
#include "io/socket.h"

namespace rocket::io {

namespace {

/// A socket file nobody listens on any more: what a killed server leaves behind, and what makes its next start fail.
bool is_stale_unix_socket(const Address& address) {
  const auto* path = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
  struct stat info {};
  if (stat(path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const int probe = open_stream_socket(AF_UNIX);
  if (probe < 0) return false;
  const bool refused = ::connect(probe, address.get(), address.length) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused;
}

}  // namespace

std::variant<Listener, ListenError> Listener::open(const Address& address, int backlog) {
  const int fd = open_stream_socket(address.family());
  if (fd < 0) return ListenError{errno, "socket"};
  Listener listener(fd, address.family());
  const int on = 1;
  if (!address.is_unix()) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.family() == AF_INET6) {
      const bool any = IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr);
      const int v6_only = any ? 0 : 1;
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    }
  }
  int bound = ::bind(fd, address.get(), address.length);
  if (bound != 0 && errno == EADDRINUSE && address.is_unix() && is_stale_unix_socket(address)) {
    ::unlink(reinterpret_cast<const sockaddr_un*>(address.get())->sun_path);
    bound = ::bind(fd, address.get(), address.length);
  }
  if (bound != 0) return ListenError{errno, "bind"};
  if (address.is_unix()) listener.unix_path_ = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
  if (::listen(fd, backlog) != 0) return ListenError{errno, "listen"};
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), family_(other.family_), unix_path_(std::move(other.unix_path_)) {}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}

int Listener::release() { return std::exchange(fd_, -1); }

void Listener::set_stream_options() { io::set_stream_options(fd_); }

std::string Listener::bound_text() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "unknown";
  return to_text(reinterpret_cast<const sockaddr*>(&storage), length);
}

}  // namespace rocket::io
