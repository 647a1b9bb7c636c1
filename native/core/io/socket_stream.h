#pragma once

#include <utility>

#include <asio/redirect_error.hpp>

#include "io/byte_stream.h"
#include "io/task.h"
#include "io/tcp_signs.h"

namespace rocket::io {

/// A connected socket. Final, and a member of its connection, so that a plain connection makes no virtual call.
class SocketStream final : public ByteStream {
 public:
  explicit SocketStream(StreamSocket socket) : socket_(std::move(socket)) {}

  Moved read(std::span<std::uint8_t> into) override;
  Moved write(std::span<const iovec> parts) override;
  void shutdown() override {}
  bool can_direct() const override { return true; }
  bool holds_input() const override { return false; }
  bool holds_output() const override { return false; }

  // Functions that only a socket has.
  auto wait(StreamSocket::wait_type what, std::error_code& error) {
    return socket_.async_wait(what, asio::redirect_error(use_task, error));
  }
  /// Whether both directions are closed. Over TCP a peer that has closed its socket cannot be recognised until
  /// something is sent to it: it looks like one that only closed its sending side.
  bool gone() const;
  TcpSigns signs() const { return tcp_signs(fd()); }
  /// Whether closing resets the connection and drops unsent data.
  void reset_on_close(bool reset);
  /// Moves the socket out, for another SocketStream.
  StreamSocket release() { return std::move(socket_); }
  /// Ends a write in progress on another thread; the descriptor stays open.
  void interrupt();
  /// Closes the sending side: the peer reads all sent bytes, and then the end.
  void end();
  void close();

 private:
  int fd() const { return const_cast<StreamSocket&>(socket_).native_handle(); }  // asio has no const form

  StreamSocket socket_;
};

}  // namespace rocket::io
