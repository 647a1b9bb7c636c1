#include "socket.h"

#include <cerrno>
#include <ctime>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rocket::bench {
namespace {

constexpr std::int64_t kMomentNanos = 10'000'000;
constexpr int kOpensPerMoment = 50;

ConnectAttempt failed(int fd) {
  const int error = errno;
  if (fd >= 0) ::close(fd);
  return {ConnectAttempt::State::kFailed, -1, error};
}

}  // namespace

std::int64_t monotonic_nanos() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::optional<sockaddr_in> ipv4_address(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
  return address;
}

ConnectAttempt start_connect(const sockaddr_in& to, std::uint32_t source) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(fd);
  const int on = 1;
  if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return failed(fd);
  if (source != 0) {
    // Without this option bind() would take a port for itself alone, out of the same 28,000 for every source.
    if (::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) return failed(fd);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source - 1);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return failed(fd);
  }
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    return {ConnectAttempt::State::kConnected, fd, 0};
  }
  if (errno == EINPROGRESS) return {ConnectAttempt::State::kPending, fd, 0};
  return failed(fd);
}

int connect_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

bool ConnectPace::allow(std::int64_t now_nanos) {
  const std::int64_t moment = now_nanos / kMomentNanos;
  if (moment != moment_) opened_ = 0;
  moment_ = moment;
  if (opened_ == kOpensPerMoment) return false;
  opened_ += 1;
  return true;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace rocket::bench
