#include "tls/client_handshake.h"

#include <string>
#include <utility>

#include "base/thread_check.h"
#include "io/socket_stream.h"
#include "tls/server_judge.h"

namespace rocket::tls {

namespace {

using Next = io::ByteStream::Next;

std::string why_not(const Stream& stream, bool timed_out) {
  if (timed_out && stream.secured()) return "checkServerIdentity did not answer in time (option connectTimeoutMs)";
  if (timed_out) return "timed out (option connectTimeoutMs)";
  return stream.failure().empty() ? "the connection was lost" : std::string(stream.failure());
}

}  // namespace

/// Shared with the timer's handler, which may run after the coroutine that created it has ended.
struct HandshakeAttempt {
  explicit HandshakeAttempt(io::StreamSocket with) : socket(std::move(with)) {}
  io::SocketStream socket;
  bool timed_out = false;
  std::shared_ptr<ServerQuestion> question;  ///< while it waits for the answer
};

io::Task<io::ConnectResult> secure(io::IoThread& io, io::ConnectResult reached, std::shared_ptr<const Context> context,
                                   ServerName server, Millis timeout) {
  ROCKET_ON_IO_THREAD(io);
  const std::string to = "TLS with " + (server.host.empty() ? reached.peer.text() : server.host) + ": ";
  const auto attempt = std::make_shared<HandshakeAttempt>(std::move(*reached.socket));
  reached.socket.reset();
  auto stream = Stream::connect(io, attempt->socket, std::move(context), server);
  if (stream == nullptr) {
    reached.error = to + "there is no name that its certificate must be for (option tls.servername)";
    co_return reached;
  }
  io::SteadyTimer timer(io.context(), timeout);
  timer.async_wait([attempt](const std::error_code& cancelled) {
    if (cancelled) return;
    attempt->timed_out = true;
    attempt->socket.close();
    if (attempt->question != nullptr) attempt->question->wake();
  });
  std::error_code error;
  Next next = stream->handshake();
  while (next == Next::kReadable || next == Next::kWritable) {
    co_await attempt->socket.wait(next == Next::kReadable ? io::StreamSocket::wait_read : io::StreamSocket::wait_write,
                                  error);
    if (error || attempt->timed_out) break;
    next = stream->handshake();
  }
  const bool chosen = !server.needs_alpn || stream->protocol() == server.alpn;
  std::string refusal;
  if (next == Next::kAgain && chosen && !attempt->timed_out && server.judge != nullptr) {
    const auto question = std::make_shared<ServerQuestion>(io.context().get_executor(), stream->peer_certificate());
    attempt->question = question;
    if (!question->certificate.empty()) server.judge->judge(question);
    while (!question->certificate.empty() && !question->refusal() && !attempt->timed_out) {
      co_await io::wait_for(question->waiting(), error);
    }
    attempt->question = nullptr;
    refusal = question->certificate.empty() ? "the server has shown no certificate" : question->refusal().value_or("");
  }
  timer.cancel();
  if (next != Next::kAgain || attempt->timed_out) {
    reached.error = to + why_not(*stream, attempt->timed_out);
  } else if (!refusal.empty()) {
    reached.error = to + refusal;
  } else if (!chosen) {
    reached.error = to + "the server does not choose " + server.alpn + " with ALPN";
  } else {
    reached.socket.emplace(attempt->socket.release());
    reached.layer = std::move(stream);
  }
  co_return reached;
}

}  // namespace rocket::tls
