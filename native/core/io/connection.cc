#include "io/connection.h"

#include "base/thread_check.h"

#include <algorithm>

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
    case CloseReason::kMaxAge: return "max_age";
    case CloseReason::kLayer: return "tls";
    case CloseReason::kLayerTimeout: return "tls_timeout";
  }
  return "unknown";
}

Connection::Connection(IoThread& io, StreamSocket socket, const PeerAddress& peer, const ConnectionLimits& limits,
                       ConnectionGauges& gauges)
    : io_(io),
      socket_(std::move(socket)),
      peer_(peer),
      limits_(limits),
      gauges_(gauges),
      writes_(io.chunks()),
      timer_(*this),
      last_activity_(io.now()) {}

Connection::~Connection() { io_.timers().cancel(timer_); }

void Connection::start(ConnectionHandler& handler) {
  ROCKET_ON_IO_THREAD(io_);
  handler_ = &handler;
  gauges_.open.fetch_add(1, std::memory_order_relaxed);
  check_timeouts();
  start_reading();
}

void Connection::count_queued(std::size_t added) {
  if (writes_.empty()) last_write_progress_ = io_.now();
  appended_total_ += added;
  if (writes_.bytes() + added > limits_.max_write_queue_bytes) was_backlogged_ = true;
}

/// Most turns write what they append, and then the gauge, whose change is an expensive instruction, is left alone.
void Connection::report_queued() {
  const std::size_t queued = handler_ == nullptr ? 0 : writes_.bytes();
  if (queued == reported_queued_) return;
  const auto change = static_cast<std::int64_t>(queued) - static_cast<std::int64_t>(reported_queued_);
  gauges_.queued_bytes.fetch_add(change, std::memory_order_relaxed);
  reported_queued_ = queued;
}

std::uint8_t* Connection::append(std::size_t size) {
  ROCKET_ON_IO_THREAD(io_);
  count_queued(size);
  std::uint8_t* at = writes_.append(size);
  if (!scheduled()) io_.at_turn_end(shared_from_this());
  return at;
}

void Connection::append_block(OwnedBytes block) {
  ROCKET_ON_IO_THREAD(io_);
  count_queued(block.size());
  writes_.append_block(std::move(block));
  io_.at_turn_end(shared_from_this());
}

void Connection::on_turn_end() {
  ROCKET_ON_IO_THREAD(io_);
  if (open_) flush();
  if (open_ || handler_ == nullptr) return report_queued();
  gauges_.open.fetch_sub(1, std::memory_order_relaxed);
  clear_pending();
  ConnectionHandler* handler = handler_;
  handler_ = nullptr;
  report_queued();
  handler->on_closed(close_reason_);
}

void Connection::put_layer(std::unique_ptr<ByteStream> layer) {
  ROCKET_ON_IO_THREAD(io_);
  layer_ = std::move(layer);
  write_for_layer();  // a client's layer starts its handshake
}

/// Schedules a write of what the layer holds, or could not accept before it had read.
void Connection::write_for_layer() {
  if (layer_ == nullptr || !open_ || all_written()) return;
  // Unless the writer is blocked already, the wait for the kernel starts now.
  if (!writing_) last_write_progress_ = io_.now();
  io_.at_turn_end(shared_from_this());
}

void Connection::flush() {
  ROCKET_ON_IO_THREAD(io_);
  if (writing_ || (all_written() && !close_when_written_ && !end_when_written_)) return;
  if (!acquire_writer()) return;
  switch (write_some()) {
    case Wrote::kClosed: return;
    case Wrote::kBlocked:
      writing_ = true;
      spawn(io_.context(), shared_from_this(), write_loop(shared_from_this()));
      break;
    case Wrote::kAll:
    case Wrote::kAwaitsReading: release_writer();
  }
  after_write();
}

Connection::Wrote Connection::write_some() {
  ROCKET_ON_IO_THREAD(io_);
  while (!all_written()) {
    iovec parts[kGather];
    const auto moved = write_stream({parts, shut_down_ ? 0 : writes_.gather(parts, kGather)});
    if (moved.bytes > 0) writes_.consume(moved.bytes);
    if (moved.bytes > 0 || moved.next == ByteStream::Next::kAgain) last_activity_ = last_write_progress_ = io_.now();
    switch (moved.next) {
      case ByteStream::Next::kAgain: break;
      case ByteStream::Next::kWritable: return Wrote::kBlocked;
      case ByteStream::Next::kReadable: return Wrote::kAwaitsReading;
      case ByteStream::Next::kInvalid: close(CloseReason::kLayer); return Wrote::kClosed;
      case ByteStream::Next::kEnded:
      case ByteStream::Next::kNextTurn:
      case ByteStream::Next::kBroken: return on_broken_write();
    }
  }
  return Wrote::kAll;
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  std::error_code error;
  while (self->open_) {
    co_await self->socket_.wait(StreamSocket::wait_write, error);
    if (!self->open_) break;
    if (error) {
      self->close(CloseReason::kReset);
      break;
    }
    const auto wrote = self->write_some();
    if (wrote == Wrote::kClosed) break;
    if (wrote != Wrote::kBlocked) {
      self->writing_ = false;
      self->release_writer();
      self->after_write();
      break;
    }
    self->after_write();
  }
}

void Connection::after_write() {
  report_queued();
  if (!backlogged() && was_backlogged_ && handler_ != nullptr) {
    was_backlogged_ = false;
    resume_reading(kBacklog);
    handler_->on_writable();
  }
  if (close_when_written_ && all_written()) close_written(written_reason_);
  if (end_when_written_ && open_ && all_written()) end_written();
  close_if_done();
}

/// All data is written. A layer may still have to write the end of its stream; after_write() then calls this again.
void Connection::close_written(CloseReason reason) {
  if (layer_ == nullptr || shut_down_ || !open_) return close(reason);
  shut_down_ = true;
  layer_->shutdown();
  if (all_written()) return close(reason);
  write_for_layer();
}

void Connection::end_when_written() {
  ROCKET_ON_IO_THREAD(io_);
  if (!open_) return;
  pause_reading(kEnding);
  end_when_written_ = true;
  io_.at_turn_end(shared_from_this());
}

void Connection::end_written() {
  if (layer_ != nullptr && !shut_down_) {
    shut_down_ = true;
    layer_->shutdown();
    if (!all_written()) return write_for_layer();
  }
  end_when_written_ = false;
  socket_.end();
  watch();
}

void Connection::close_if_done() {
  ROCKET_ON_IO_THREAD(io_);
  if (ended_ && open_ && all_written() && !handler_->busy()) close_written(CloseReason::kPeerClosed);
}

void Connection::close_when_written(CloseReason reason) {
  ROCKET_ON_IO_THREAD(io_);
  if (!open_) return;
  if (!close_when_written_) written_reason_ = reason;
  close_when_written_ = true;
  io_.at_turn_end(shared_from_this());
}

void Connection::close(CloseReason reason) {
  ROCKET_ON_IO_THREAD(io_);
  if (!open_) return;
  open_ = false;
  close_reason_ = reason;
  io_.timers().cancel(timer_);
  if (handler_ != nullptr && !handler_->serves() && !handler_->owed()) socket_.reset_on_close(false);
  if (acquire_writer()) {
    close_socket();
  } else {
    socket_.interrupt();  // ends a direct send in progress; its end leads to close_socket()
  }
  io_.at_turn_end(shared_from_this());
}

void Connection::close_socket() {
  writer_.store(kClosed, std::memory_order_release);
  // Otherwise the kernel would retransmit unacknowledged data to a silent peer for minutes.
  const bool silent = close_reason_ == CloseReason::kSilent;
  if (silent) socket_.reset_on_close(true);
  if (layer_ != nullptr && !silent && close_reason_ != CloseReason::kReset) {
    // A single attempt: nothing waits for it here.
    if (!shut_down_) layer_->shutdown();
    layer_->write({});
  }
  socket_.close();
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
  ROCKET_OFF_IO_THREAD(io_);
  std::uint8_t seen = kFree;
  if (!can_direct() || !writer_.compare_exchange_strong(seen, kJs, std::memory_order_acquire)) return Direct::kBusy;
  // Checked while this thread is the writer. The io thread has to become the writer after it sets the flag, so either
  // it waits for this write, or this check sees the flag.
  const bool barred = direct_barred_.load(std::memory_order_acquire);
  const iovec whole{const_cast<std::uint8_t*>(frame.data()), frame.size()};  // iovec has no const form
  sent = barred ? 0 : socket_.write({&whole, 1}).bytes;
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
  ROCKET_ON_IO_THREAD(io_);
  writer_.store(kIo, std::memory_order_release);
  if (!open_) {
    close_socket();
    return;
  }
  count_queued(rest.size());
  writes_.prepend(rest);
  flush();
}

void Connection::expect_progress(Millis within, CloseReason why) {
  ROCKET_ON_IO_THREAD(io_);
  progress_since_ = io_.now();
  progress_within_ms_ = static_cast<std::uint32_t>(std::clamp<SteadyMs>(within.count(), 1, UINT32_MAX));
  progress_reason_ = why;
  arm_timer(progress_since_ + progress_within_ms_);
}

void Connection::arm_timer(SteadyMs due) {
  if (open_ && (!timer_.armed() || timer_.expires_at > due)) io_.timers().arm(timer_, due);
}

void Connection::on_timer(Timer& timer) { static_cast<ConnectionTimer&>(timer).connection.check_timeouts(); }

void Connection::check_timeouts() {
  ROCKET_ON_IO_THREAD(io_);
  if (!open_) return;
  const SteadyMs now = io_.now();
  SteadyMs next = INT64_MAX;
  if (expects_progress() && !paused()) {
    const SteadyMs due = progress_since_ + progress_within_ms_;
    if (now >= due) return close(progress_reason_);
    next = due;
  }
  if (const auto idle = limits_.idle_timeout.count(); idle > 0) {
    const bool written = all_written();
    if (!written && now - last_write_progress_ >= idle) return close(CloseReason::kSlowReader);
    const bool waiting = handler_ != nullptr && handler_->busy();
    if (!waiting && written && now - last_activity_ >= idle) {
      if (handler_ == nullptr || !handler_->on_idle()) return close(CloseReason::kIdleTimeout);
      last_activity_ = now;
    }
    const SteadyMs since = written ? (waiting ? now : last_activity_) : last_write_progress_;
    next = std::min(next, std::max<SteadyMs>(since + idle, now + 1));
  }
  if (next != INT64_MAX) io_.timers().arm(timer_, next);
}

}  // namespace rocket::io
