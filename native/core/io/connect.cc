#include "io/connect.h"

#include "base/thread_check.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <memory>

#include <asio/redirect_error.hpp>

#include "io/socket.h"

namespace rocket::io {

namespace {

#if defined(__APPLE__)
constexpr int kKeepIdle = TCP_KEEPALIVE;
#else
constexpr int kKeepIdle = TCP_KEEPIDLE;
#endif

bool is_unanswered(const std::error_code& error) {
  return error == std::errc::timed_out || error == std::errc::host_unreachable ||
         error == std::errc::network_unreachable || error == std::errc::network_down;
}

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

}  // namespace

/// Shared with the timer's handler, which may run after the coroutine that created it has ended.
struct ConnectAttempt {
  ConnectAttempt(IoThread& io, const Address& address)
      : socket(io.context(), asio::generic::stream_protocol(address.family(), address.is_unix() ? 0 : IPPROTO_TCP)) {}
  StreamSocket socket;
  bool timed_out = false;
};

void set_stream_options(int fd, TcpKeepalive keepalive) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, kKeepIdle, keepalive.idle_seconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive.interval_seconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive.questions);
#if defined(__APPLE__)
  // macOS gives up unacknowledged data by a separate timeout.
  set_option(fd, IPPROTO_TCP, TCP_RXT_CONNDROPTIME,
             keepalive.idle_seconds + keepalive.interval_seconds * keepalive.questions);
#endif
}

Task<ConnectResult> connect(IoThread& io, std::vector<Address> addresses, Millis timeout, TcpKeepalive keepalive) {
  ROCKET_ON_IO_THREAD(io);
  const auto give_up_at = std::chrono::steady_clock::now() + timeout;
  std::string error = "no address to connect to";
  bool unanswered = false;
  for (const Address& address : addresses) {
    std::shared_ptr<ConnectAttempt> attempt;
    try {
      attempt = std::make_shared<ConnectAttempt>(io, address);
    } catch (const std::system_error& exception) {  // socket(2) failed: asio has no constructor that returns it
      error = "connect to " + address.text + ": " + exception.code().message();
      continue;
    }
    if (!address.is_unix()) set_stream_options(attempt->socket.native_handle(), keepalive);
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
      unanswered = true;
      break;
    }
    if (!failed) {
      // So a killed client informs its servers; Connection unsets it when no server is working for it.
      if (!address.is_unix()) reset_on_close(attempt->socket.native_handle(), true);
      ConnectResult reached;
      reached.peer = PeerAddress(address.get(), address.length);
      reached.socket.emplace(std::move(attempt->socket));
      co_return reached;
    }
    error = "connect to " + address.text + ": " + failed.message();
    unanswered = is_unanswered(failed);
  }
  co_return ConnectResult{std::nullopt, {}, std::move(error), unanswered};
}

}  // namespace rocket::io
