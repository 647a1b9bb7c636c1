#include "echo_session.h"

#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/write.hpp>

#include "io/spawn.h"

namespace rocket::echo {

EchoSession::EchoSession(io::IoThread& io, io::StreamSocket socket, Tally& tally)
    : io_(io), socket_(std::move(socket)), tally_(tally), idle_(*this) {}

EchoSession::~EchoSession() {
  io_.timers().cancel(idle_);
  unlink();
}

void EchoSession::start() {
  tally_.sessions += 1;
  io::spawn(io_.context(), shared_from_this(), echo(shared_from_this()));
}

void EchoSession::close() {
  std::error_code ignored;  // the descriptor is gone whatever close() reports
  socket_.close(ignored);
}

io::Task<void> EchoSession::echo(std::shared_ptr<EchoSession> self) {
  std::error_code error;
  for (;;) {
    self->touch();
    const std::size_t got =
        co_await self->socket_.async_read_some(asio::buffer(self->buffer_), asio::redirect_error(io::use_task, error));
    if (error) co_return;  // the end of the stream, a broken connection, or close()
    self->touch();
    co_await asio::async_write(self->socket_, asio::buffer(self->buffer_.data(), got),
                               asio::redirect_error(io::use_task, error));
    if (error) co_return;
    self->tally_.bytes += got;
  }
}

void EchoSession::touch() { io_.timers().arm(idle_, io_.now() + kIdleTimeout.count()); }

void EchoSession::on_idle(Timer& timer) { static_cast<IdleTimer&>(timer).session.close(); }

}  // namespace rocket::echo
