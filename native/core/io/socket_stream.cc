#include "io/socket_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/socket.h"

namespace rocket::io {

namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

ByteStream::Moved SocketStream::read(std::span<std::uint8_t> into) {
  for (;;) {
    const auto got = ::recv(fd(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      return {bytes, bytes < into.size() ? Next::kReadable : Next::kAgain};
    }
    if (got == 0) return {0, Next::kEnded};
    if (errno != EINTR) return {0, would_block() ? Next::kReadable : Next::kBroken};
  }
}

ByteStream::Moved SocketStream::write(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());  // msghdr has no const form
  message.msg_iovlen = parts.size();
  for (;;) {
    const auto wrote = parts.size() == 1 ? ::send(fd(), parts[0].iov_base, parts[0].iov_len, kSendFlags)
                                         : ::sendmsg(fd(), &message, kSendFlags);
    if (wrote >= 0) return {static_cast<std::size_t>(wrote), Next::kAgain};
    if (errno != EINTR) return {0, would_block() ? Next::kWritable : Next::kBroken};
  }
}

bool SocketStream::gone() const {
  pollfd descriptor{fd(), 0, 0};
  return ::poll(&descriptor, 1, 0) > 0 && (descriptor.revents & (POLLERR | POLLHUP)) != 0;
}

void SocketStream::reset_on_close(bool reset) { io::reset_on_close(fd(), reset); }

void SocketStream::interrupt() { ::shutdown(fd(), SHUT_RDWR); }

void SocketStream::end() { ::shutdown(fd(), SHUT_WR); }

void SocketStream::close() {
  std::error_code ignored;  // the descriptor is gone whatever close() reports
  socket_.close(ignored);
}

}  // namespace rocket::io
