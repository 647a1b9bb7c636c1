#include "io/acceptor.h"

#include "base/thread_check.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <asio/redirect_error.hpp>

#include "io/socket.h"
#include "io/spawn.h"

namespace rocket::io {

namespace {

constexpr std::size_t kBatch = 64;
constexpr Millis kFirstBackoff{10};
constexpr Millis kLongestBackoff{1000};

}  // namespace

Acceptor::Acceptor(IoThread& io, Listener listener, Deliver deliver, Starved starved)
    : io_(io),
      family_(listener.family()),
      file_(listener.file()),
      listener_(std::move(listener)),
      deliver_(std::move(deliver)),
      starved_(std::move(starved)),
      descriptor_(io.context()),
      backoff_timer_(io.context()) {}

Acceptor::~Acceptor() {
  if (!stopped_) file_.remove();
}

void Acceptor::start() {
  ROCKET_ON_IO_THREAD(io_);
  spawn(io_.context(), shared_from_this(), accept_loop(shared_from_this()));
}

void Acceptor::stop() {
  ROCKET_ON_IO_THREAD(io_);
  if (stopped_) return;
  stopped_ = true;
  file_.remove();
  std::error_code ignored;
  descriptor_.close(ignored);
  listener_.reset();
  backoff_timer_.cancel();
  // They own the server, which owns this.
  deliver_ = nullptr;
  starved_ = nullptr;
}

Task<void> Acceptor::accept_loop(std::shared_ptr<Acceptor> self) {
  std::error_code error;
  Millis backoff = kFirstBackoff;
  if (self->stopped_) co_return;
  // Only here, on the io thread: the context's reactor has no locks.
  self->descriptor_.assign(self->listener_->release());
  self->listener_.reset();
  while (!self->stopped_) {
    co_await self->descriptor_.async_wait(Descriptor::wait_read, asio::redirect_error(use_task, error));
    if (self->stopped_) break;
    const int failed = error ? error.value() : self->accept_some();
    if (failed == 0) {
      backoff = kFirstBackoff;
      continue;
    }
    if (backoff == kFirstBackoff && self->starved_) self->starved_(failed);
    self->backoffs_.fetch_add(1, std::memory_order_relaxed);
    self->backoff_timer_.expires_after(backoff);
    co_await self->backoff_timer_.async_wait(asio::redirect_error(use_task, error));
    backoff = std::min(backoff * 2, kLongestBackoff);
  }
}

int Acceptor::accept_some() {
  ROCKET_ON_IO_THREAD(io_);
  std::vector<Accepted> batch;
  int error = 0;
  while (batch.size() < kBatch) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int fd = accept_stream_socket(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &length);
    if (fd >= 0) {
      batch.push_back({fd, family_, PeerAddress(reinterpret_cast<sockaddr*>(&from), length)});
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      error = errno;
      break;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
      error = errno;  // stop() was called, or an error that cannot be fixed here: never spin on it
      break;
    }
    // The rest concerns one connection that died before it was accepted (accept(2), "Error handling").
  }
  if (!batch.empty()) deliver_(std::move(batch));
  return error;
}

}  // namespace rocket::io
