#include "support/raw_peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/address.h"
#include "support/monitor.h"

namespace rocket::test {

namespace {

void set_timeouts(int fd) {
  const timeval patience{kPatience.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/// Fails on a Unix socket, which needs none.
void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Bytes make_frame(const tinypb::FrameHead& head, ByteSpan body, bool with_checksum) {
  Bytes frame(tinypb::frame_bytes(head, body.size()));
  tinypb::encode(frame.data(), head, body, with_checksum);
  return frame;
}

RawPeer::RawPeer(int fd) : fd_(fd) {
  set_timeouts(fd_);
  set_no_delay(fd_);
}

RawPeer::RawPeer(std::string_view address, int receive_buffer) {
  const auto to = io::parse_address(address);
  if (!to) throw std::invalid_argument("not an address");
  fd_ = ::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
  if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  set_timeouts(fd_);
  set_no_delay(fd_);
  if (::connect(fd_, to->get(), to->length) != 0) throw std::system_error(errno, std::generic_category(), "connect");
}

RawPeer::~RawPeer() { close(); }

void RawPeer::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawPeer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool RawPeer::send(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t RawPeer::receive(std::uint8_t* into, std::size_t most) {
  if (!held_.empty()) {
    const std::size_t size = std::min(most, held_.size());
    std::copy_n(held_.begin(), size, into);
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(size));
    return size;
  }
  const auto got = ::recv(fd_, into, most, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::optional<Frame> RawPeer::read_frame() {
  constexpr std::size_t kLongest = 64 << 20;
  std::array<std::uint8_t, 64 * 1024> buffer;
  for (;;) {
    const auto length = tinypb::peek_length(held_, kLongest);
    if (length.error != tinypb::DecodeError::kNone) return std::nullopt;
    if (length.bytes > 0 && held_.size() >= length.bytes) {
      tinypb::FrameView view;
      if (tinypb::decode(ByteSpan(held_).first(length.bytes), view) != tinypb::DecodeError::kNone) return std::nullopt;
      Frame frame{std::string(view.msg_id),
                  std::string(view.method),
                  view.err_code,
                  std::string(view.err_info),
                  Bytes(view.body.begin(), view.body.end()),
                  view.checksum};
      held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(length.bytes));
      return frame;
    }
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return std::nullopt;
    held_.insert(held_.end(), buffer.begin(), buffer.begin() + got);
  }
}

bool RawPeer::read_to_end() {
  held_.clear();
  std::array<std::uint8_t, 64 * 1024> buffer;
  for (;;) {
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0) continue;
    if (got < 0 && errno == EINTR) continue;
    return got == 0 || errno == ECONNRESET || errno == EPIPE;
  }
}

std::pair<int, int> socket_pair() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
  return {pair[0], pair[1]};
}

}  // namespace rocket::test
