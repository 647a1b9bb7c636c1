#include "io/socket.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace rocket::io {

#if defined(__APPLE__)

namespace {

int prepared(int fd) {
  if (fd < 0) return fd;
  const int on = 1;
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
      ::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) == 0) {
    return fd;
  }
  const int failed = errno;
  ::close(fd);
  // EINVAL: the peer of the connection has already disconnected. The acceptor continues with the next one.
  errno = failed == EINVAL ? ECONNABORTED : failed;
  return -1;
}

}  // namespace

int open_stream_socket(int family) { return prepared(::socket(family, SOCK_STREAM, 0)); }

int accept_stream_socket(int listener, sockaddr* from, socklen_t* length) {
  return prepared(::accept(listener, from, length));
}

#else

int open_stream_socket(int family) { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int accept_stream_socket(int listener, sockaddr* from, socklen_t* length) {
  return ::accept4(listener, from, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#endif

void reset_on_close(int fd, bool reset) {
  const linger option{.l_onoff = reset ? 1 : 0, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

}  // namespace rocket::io
