#include "io/acceptor.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <asio/redirect_error.hpp>

#include "io/spawn.h"

namespace rocket::io {

namespace {

constexpr std::size_t kBatch = 64;
constexpr Millis kFirstBackoff{10};
constexpr Millis kLongestBackoff{1000};

}  // namespace

Acceptor::Acceptor(IoThread& io, Listener listener, Deliver deliver)
    : io_(io),
      family_(listener.family()),
      unix_path_(listener.unix_path()),
      listener_(std::move(listener)),
      deliver_(std::move(deliver)),
      descriptor_(io.context()),
      backoff_timer_(io.context()) {}

Acceptor::~Acceptor() {
  if (!unix_path_.empty() && !stopped_) ::unlink(unix_path_.c_str());
}

void Acceptor::start() { spawn(io_.context(), shared_from_this(), accept_loop(shared_from_this())); }

void Acceptor::stop() {
  if (stopped_) return;
  stopped_ = true;
  std::error_code ignored;
  descriptor_.close(ignored);
  listener_.reset();
  backoff_timer_.cancel();
  deliver_ = nullptr;  // holds the server, which holds us
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
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
    if (!error && self->accept_some()) {
      backoff = kFirstBackoff;
      continue;
    }
    self->backoffs_.fetch_add(1, std::memory_order_relaxed);
    self->backoff_timer_.expires_after(backoff);
    co_await self->backoff_timer_.async_wait(asio::redirect_error(use_task, error));
    backoff = std::min(backoff * 2, kLongestBackoff);
  }
}

bool Acceptor::accept_some() {
  std::vector<Accepted> batch;
  bool resources_left = true;
  while (batch.size() < kBatch) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int fd = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      batch.push_back({fd, family_, PeerAddress(reinterpret_cast<sockaddr*>(&from), length)});
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      resources_left = false;
      break;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
      resources_left = false;  // stop() was called, or something we cannot mend: never spin on it
      break;
    }
    // The rest concerns one connection that died before it was accepted (accept(2), "Error handling").
  }
  if (!batch.empty()) deliver_(std::move(batch));
  return resources_left;
}

}  // namespace rocket::io
