#include "io/listener.h"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/connect.h"
#include "io/socket.h"

namespace rocket::io {

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
  if (bound != 0 && errno == EADDRINUSE) {
    if (auto stale = SocketFile::stale_at(address); !stale.empty()) {
      stale.remove();
      bound = ::bind(fd, address.get(), address.length);
    } else {
      errno = EADDRINUSE;
    }
  }
  if (bound != 0) return ListenError{errno, "bind"};
  listener.file_ = SocketFile::of(address);
  if (::listen(fd, backlog) != 0) {
    const int failed = errno;
    listener.file_.remove();
    return ListenError{failed, "listen"};
  }
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), family_(other.family_), file_(std::move(other.file_)) {}

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
