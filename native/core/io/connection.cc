#include "io/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <asio/redirect_error.hpp>

#include "io/socket.h"
#include "io/spawn.h"

namespace rocket::io {

namespace {

constexpr std::size_t kGather = 64;

}  // namespace

const char* name_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::kLocal: return "closed_here";
    case CloseReason::kPeerClosed: return "closed_by_peer";
    case CloseReason::kReset: return "reset";
    case CloseReason::kBadInput: return "bad_input";
    case CloseReason::kFrameTimeout: return "frame_timeout";
    case CloseReason::kIdleTimeout: return "idle_timeout";
    case CloseReason::kSlowReader: return "slow_reader";
    case CloseReason::kSilent: return "silent";
    case CloseReason::kOutOfMemory: return "out_of_memory";
  }
  return "unknown";
}

Connection::Connection(IoThread& io, StreamSocket socket, const PeerAddress& peer, const ConnectionLimits& limits,
                       ConnectionGauges& gauges)
    : io_(io),
      socket_(std::move(socket)),
      fd_(socket_.native_handle()),
      peer_(peer),
      limits_(limits),
      gauges_(gauges),
      writes_(io.chunks()),
      timer_(*this),
      last_activity_(io.now()) {}

Connection::~Connection() { io_.timers().cancel(timer_); }

void Connection::start(ConnectionHandler& handler) {
  handler_ = &handler;
  gauges_.open.fetch_add(1, std::memory_order_relaxed);
  check_timeouts();
  start_reading();
}

void Connection::count_queued(std::size_t added) {
  if (writes_.empty()) last_write_progress_ = io_.now();
  appended_total_ += added;
  if (writes_.bytes() + added > limits_.max_write_queue_bytes) was_backlogged_ = true;
  gauges_.queued_bytes.fetch_add(static_cast<std::int64_t>(added), std::memory_order_relaxed);
}

std::uint8_t* Connection::append(std::size_t size) {
  count_queued(size);
  std::uint8_t* at = writes_.append(size);
  if (!scheduled()) io_.at_turn_end(shared_from_this());
  return at;
}

void Connection::append_block(OwnedBytes block) {
  count_queued(block.size());
  writes_.append_block(std::move(block));
  io_.at_turn_end(shared_from_this());
}

void Connection::on_turn_end() {
  if (open_) flush();
  if (open_ || handler_ == nullptr) return;
  gauges_.open.fetch_sub(1, std::memory_order_relaxed);
  gauges_.queued_bytes.fetch_sub(static_cast<std::int64_t>(writes_.bytes()), std::memory_order_relaxed);
  clear_pending();
  ConnectionHandler* handler = handler_;
  handler_ = nullptr;
  handler->on_closed(close_reason_);
}

void Connection::flush() {
  if (writing_ || (writes_.empty() && !close_when_written_)) return;
  if (!acquire_writer()) return;
  if (write_some()) {
    release_writer();
    after_write();
  } else if (open_) {
    writing_ = true;
    spawn(io_.context(), shared_from_this(), write_loop(shared_from_this()));
    after_write();
  }
}

bool Connection::write_some() {
  while (!writes_.empty()) {
    iovec parts[kGather];
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = writes_.gather(parts, kGather);
    const auto wrote = message.msg_iovlen == 1 ? ::send(fd_, parts[0].iov_base, parts[0].iov_len, kSendFlags)
                                               : ::sendmsg(fd_, &message, kSendFlags);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) close(CloseReason::kReset);
      return false;
    }
    writes_.consume(static_cast<std::size_t>(wrote));
    gauges_.queued_bytes.fetch_sub(wrote, std::memory_order_relaxed);
    last_activity_ = last_write_progress_ = io_.now();
  }
  return true;
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  std::error_code error;
  while (self->open_) {
    co_await self->socket_.async_wait(StreamSocket::wait_write, asio::redirect_error(use_task, error));
    if (!self->open_) break;
    if (error) {
      self->close(CloseReason::kReset);
      break;
    }
    const bool done = self->write_some();
    if (!self->open_) break;
    if (done) {
      self->writing_ = false;
      self->release_writer();
      self->after_write();
      break;
    }
    self->after_write();
  }
}

void Connection::after_write() {
  if (!backlogged() && was_backlogged_ && handler_ != nullptr) {
    was_backlogged_ = false;
    handler_->on_writable();
  }
  if (close_when_written_ && writes_.empty()) close(CloseReason::kLocal);
  close_if_done();
}

void Connection::close_if_done() {
  if (ended_ && open_ && writes_.empty() && !handler_->busy()) close(CloseReason::kPeerClosed);
}

void Connection::close_when_written() {
  if (!open_) return;
  close_when_written_ = true;
  io_.at_turn_end(shared_from_this());
}

void Connection::close(CloseReason reason) {
  if (!open_) return;
  open_ = false;
  close_reason_ = reason;
  io_.timers().cancel(timer_);
  if (handler_ != nullptr && !handler_->serves() && !handler_->owed()) reset_on_close(fd_, false);
  if (acquire_writer()) {
    close_socket();
  } else {
    ::shutdown(fd_, SHUT_RDWR);  // ends a direct send in progress; its end leads to close_socket()
  }
  io_.at_turn_end(shared_from_this());
}

void Connection::close_socket() {
  writer_.store(kClosed, std::memory_order_release);
  std::error_code ignored;  // the descriptor is gone whatever close() reports
  // Otherwise the kernel would retransmit unacknowledged data to a silent peer for minutes.
  if (close_reason_ == CloseReason::kSilent) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

/// True when the io thread may write: the writer role is free or already ours. False: the JS thread is in the middle of
/// a direct send and will post a wake-up when it is done.
bool Connection::acquire_writer() {
  std::uint8_t seen = kFree;
  for (;;) {
    if (writer_.compare_exchange_strong(seen, kIo, std::memory_order_acquire)) return true;
    if (seen == kIo) return true;
    if (seen == kClosed || seen == kJsIoWaits) return false;
    if (seen == kJs && writer_.compare_exchange_strong(seen, kJsIoWaits, std::memory_order_acq_rel)) return false;
    seen = kFree;
  }
}

void Connection::release_writer() {
  std::uint8_t mine = kIo;
  writer_.compare_exchange_strong(mine, kFree, std::memory_order_release);
}

Connection::Direct Connection::direct_send(ByteSpan frame, std::size_t& sent) {
  std::uint8_t seen = kFree;
  if (!writer_.compare_exchange_strong(seen, kJs, std::memory_order_acquire)) return Direct::kBusy;
  const auto wrote = ::send(fd_, frame.data(), frame.size(), kSendFlags);
  sent = wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
  if (sent > 0 && sent < frame.size()) return Direct::kPartial;
  seen = kJs;
  if (!writer_.compare_exchange_strong(seen, kFree, std::memory_order_release)) {
    writer_.store(kFree, std::memory_order_release);
    io_.post([self = shared_from_this()] {
      if (self->open_) {
        self->flush();
      } else if (self->acquire_writer()) {
        self->close_socket();
      }
    });
  }
  return sent == frame.size() ? Direct::kSent : Direct::kBusy;
}

void Connection::finish_direct(ByteSpan rest) {
  writer_.store(kIo, std::memory_order_release);
  if (!open_) {
    close_socket();
    return;
  }
  count_queued(rest.size());
  writes_.prepend(rest);
  flush();
}

void Connection::on_timer(Timer& timer) { static_cast<ConnectionTimer&>(timer).connection.check_timeouts(); }

void Connection::check_timeouts() {
  if (!open_) return;
  const SteadyMs now = io_.now();
  SteadyMs next = INT64_MAX;
  if (partial_since_ != 0) {
    const SteadyMs due = partial_since_ + limits_.frame_timeout.count();
    if (now >= due) return close(CloseReason::kFrameTimeout);
    next = due;
  }
  if (const auto idle = limits_.idle_timeout.count(); idle > 0) {
    if (!writes_.empty() && now - last_write_progress_ >= idle) return close(CloseReason::kSlowReader);
    const bool waiting = handler_ != nullptr && handler_->busy();
    if (!waiting && writes_.empty() && now - last_activity_ >= idle) return close(CloseReason::kIdleTimeout);
    const SteadyMs since = writes_.empty() ? (waiting ? now : last_activity_) : last_write_progress_;
    next = std::min(next, std::max<SteadyMs>(since + idle, now + 1));
  }
  if (next != INT64_MAX) io_.timers().arm(timer_, next);
}

}  // namespace rocket::io
