#include "io/connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <memory>

#include <asio/redirect_error.hpp>

namespace rocket::io {

namespace {

#if defined(__APPLE__)
constexpr int kKeepIdle = TCP_KEEPALIVE;
#else
constexpr int kKeepIdle = TCP_KEEPIDLE;
#endif

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

}  // namespace

/// Shared with the timer's handler, which may run when the coroutine that made it is gone.
struct ConnectAttempt {
  ConnectAttempt(IoThread& io, const Address& address)
      : socket(io.context(), asio::generic::stream_protocol(address.family(), address.is_unix() ? 0 : IPPROTO_TCP)) {}
  StreamSocket socket;
  bool timed_out = false;
};

void set_stream_options(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, kKeepIdle, 30);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Task<ConnectResult> connect(IoThread& io, std::vector<Address> addresses, Millis timeout) {
  const auto give_up_at = std::chrono::steady_clock::now() + timeout;
  std::string error = "no address to connect to";
  for (const Address& address : addresses) {
    std::shared_ptr<ConnectAttempt> attempt;
    try {
      attempt = std::make_shared<ConnectAttempt>(io, address);
    } catch (const std::system_error& exception) {  // socket(2) failed: asio has no constructor that returns it
      error = "connect to " + address.text + ": " + exception.code().message();
      continue;
    }
    if (!address.is_unix()) set_stream_options(attempt->socket.native_handle());
    SteadyTimer timer(io.context(), give_up_at);
    timer.async_wait([attempt](const std::error_code& cancelled) {
      if (cancelled) return;
      attempt->timed_out = true;
      std::error_code ignored;
      attempt->socket.close(ignored);
    });
    std::error_code failed;
    co_await attempt->socket.async_connect({address.get(), address.length}, asio::redirect_error(use_task, failed));
    timer.cancel();
    if (attempt->timed_out) {
      error = "connect to " + address.text + ": timed out (option connectTimeoutMs)";
      break;
    }
    if (!failed) {
      ConnectResult reached;
      reached.peer = PeerAddress(address.get(), address.length);
      reached.socket.emplace(std::move(attempt->socket));
      co_return reached;
    }
    error = "connect to " + address.text + ": " + failed.message();
  }
  co_return ConnectResult{std::nullopt, {}, std::move(error)};
}

}  // namespace rocket::io
