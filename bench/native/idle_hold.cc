#include "idle_hold.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket.h"

namespace rocket::bench {
namespace {

constexpr std::int64_t kConnectNanos = 60'000'000'000;
constexpr int kPollMillis = 5;

class IdleConnections {
 public:
  IdleConnections() = default;
  IdleConnections(const IdleConnections&) = delete;
  IdleConnections& operator=(const IdleConnections&) = delete;
  ~IdleConnections() { close_all(); }

  std::size_t count() const { return open_.size(); }

  // Returns when all have connected or failed, at the latest after a minute.
  void open(const Options& options, const sockaddr_in& server) {
    const std::int64_t deadline = monotonic_nanos() + kConnectNanos;
    ConnectPace pace;
    std::size_t started = 0;
    for (std::int64_t now = 0; now < deadline; now = monotonic_nanos()) {
      while (started < options.idle_connections && pace.allow(now)) start(options, server, started++);
      if (started == options.idle_connections && pending_.empty()) return;
      settle();
    }
    for (const pollfd& socket : pending_) give_up(socket.fd, ETIMEDOUT);
    pending_.clear();
  }

  std::size_t dropped() const {
    std::size_t count = 0;
    for (const int fd : open_) {
      std::uint8_t byte = 0;
      const ssize_t got = ::recv(fd, &byte, 1, MSG_PEEK);
      if (got == 0 || (got < 0 && errno != EAGAIN)) count += 1;
    }
    return count;
  }

  void close_all() {
    for (const int fd : open_) ::close(fd);
    open_.clear();
  }

  int last_error() const { return last_error_; }

 private:
  void start(const Options& options, const sockaddr_in& server, std::size_t index) {
    const bool spread = options.idle_connections > kConnectionsPerSource;
    const std::uint32_t source = spread ? 1 + static_cast<std::uint32_t>(index / kConnectionsPerSource) : 0;
    const ConnectAttempt attempt = start_connect(server, source);
    switch (attempt.state) {
      case ConnectAttempt::State::kFailed: last_error_ = attempt.error; break;
      case ConnectAttempt::State::kPending: pending_.push_back({attempt.fd, POLLOUT, 0}); break;
      case ConnectAttempt::State::kConnected: open_.push_back(attempt.fd); break;
    }
  }

  void settle() {
    if (::poll(pending_.data(), pending_.size(), kPollMillis) <= 0) return;
    std::vector<pollfd> still;
    for (const pollfd& socket : pending_) {
      if (socket.revents == 0) {
        still.push_back(socket);
      } else if (const int error = connect_error(socket.fd); error != 0) {
        give_up(socket.fd, error);
      } else {
        open_.push_back(socket.fd);
      }
    }
    pending_ = std::move(still);
  }

  void give_up(int fd, int error) {
    ::close(fd);
    last_error_ = error;
  }

  std::vector<int> open_;
  std::vector<pollfd> pending_;
  int last_error_ = 0;
};

void wait_for_stdin() {
  std::array<char, 256> input{};
  ssize_t got = 0;
  do {
    got = ::read(STDIN_FILENO, input.data(), input.size());
  } while (got > 0 && std::memchr(input.data(), '\n', static_cast<std::size_t>(got)) == nullptr);
}

void print_line(const char* what, std::size_t count) {
  std::printf("%s %zu\n", what, count);
  std::fflush(stdout);
}

}  // namespace

int hold_idle(const Options& options, const sockaddr_in& server) {
  IdleConnections connections;
  connections.open(options, server);
  if (connections.count() < options.idle_connections) {
    std::fprintf(stderr, "rocket_loadgen: %zu of %u connections: %s\n", connections.count(), options.idle_connections,
                 std::strerror(connections.last_error()));
  }
  if (connections.count() == 0) return 2;
  print_line("connected", connections.count());
  wait_for_stdin();
  if (const std::size_t dropped = connections.dropped(); dropped > 0) print_line("dropped", dropped);
  connections.close_all();
  std::puts("closed");
  return 0;
}

}  // namespace rocket::bench
