#include <algorithm>

#include <asio/post.hpp>

#include "io/connection.h"

#include "base/thread_check.h"
#include "io/spawn.h"

namespace rocket::io {

namespace {

/// Consecutive reads from one socket before others get their turn.
constexpr int kReadsPerWakeUp = 8;
/// From this many bytes on that are there and that are missing, a frame is read straight into its own block.
constexpr std::size_t kReadInPlaceBytes = 16 * 1024;
/// Enough for a frame's length to be known.
constexpr std::size_t kHeadBytes = 64;
/// The minimum reserved for a frame whose length is known.
constexpr std::size_t kLeastFrameRoom = 1024;
/// Room for a frame is up to this many times its received bytes: more would cost memory for announced sizes, less would
/// cost copies (docs/decisions/0027).
constexpr std::size_t kGrowth = 8;

std::size_t room_for(std::size_t size, std::size_t frame_bytes) {
  if (frame_bytes < size) return std::max(size, kHeadBytes);
  return std::min(frame_bytes, std::max(kGrowth * size, kLeastFrameRoom));
}

}  // namespace

void Connection::start_reading() {
  if (reading_ || ended_ || awaits_step_ || !open_) return;
  reading_ = true;
  spawn(io_.context(), shared_from_this(), read_loop(shared_from_this()));
}

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
  std::error_code error;
  while (self->open_ && !self->paused() && !self->ended_ && !self->awaits_step_) {
    if (self->holds_input()) {
      // After the other ready handlers, as if the socket had become readable.
      co_await asio::post(self->io_.context(), use_task);
    } else {
      co_await self->socket_.wait(StreamSocket::wait_read, error);
    }
    self->io_.run_lazy_tasks();
    if (!self->open_ || self->paused()) break;
    if (error) {
      self->close(CloseReason::kReset);
      break;
    }
    self->read_available();
  }
  self->reading_ = false;
}

void Connection::on_heavy_step() {
  awaits_step_ = false;
  if (!paused()) start_reading();
}

void Connection::read_available() {
  ROCKET_ON_IO_THREAD(io_);
  for (int i = 0; i < kReadsPerWakeUp && open_ && !paused() && !ended_; ++i) {
    const auto room = room_in_place();
    if (!open_) return;
    const auto into = room.empty() ? io_.read_buffer() : room;
    const auto moved = read_stream(into);
    if (moved.bytes > 0) {
      last_activity_ = last_read_ = io_.now();
      if (room.empty()) {
        take({into.data(), moved.bytes});
      } else {
        pending_size_ += moved.bytes;
        if (pending_size_ == pending_frame_bytes_) take_pending();
      }
    }
    switch (moved.next) {
      case ByteStream::Next::kAgain: break;
      case ByteStream::Next::kReadable:
      case ByteStream::Next::kWritable: return write_for_layer();
      case ByteStream::Next::kEnded:
        on_end_of_stream();
        return write_for_layer();  // what answers the peer's last bytes must not wait for others
      case ByteStream::Next::kBroken: return close(CloseReason::kReset);
      case ByteStream::Next::kInvalid: return close(CloseReason::kLayer);
      case ByteStream::Next::kNextTurn:
        awaits_step_ = true;
        io_.await_heavy_step(shared_from_this());
        return write_for_layer();
    }
  }
  write_for_layer();
}

/// Memory into which the rest of a partly received frame can be read without a copy; empty if not worthwhile.
std::span<std::uint8_t> Connection::room_in_place() {
  const std::size_t missing = pending_frame_bytes_ > pending_size_ ? pending_frame_bytes_ - pending_size_ : 0;
  if (pending_size_ < kReadInPlaceBytes || missing < kReadInPlaceBytes) return {};
  if (pending_.size() - pending_size_ < kReadInPlaceBytes && !grow_pending(pending_size_)) {
    drop_frame({pending_.data(), pending_size_}, pending_size_);
    return {};
  }
  return std::span(pending_.data() + pending_size_, pending_.size() - pending_size_);
}

void Connection::on_end_of_stream() {
  if (!handler_->serves() || socket_.gone()) return close(CloseReason::kPeerClosed);
  ended_ = true;
  clear_pending();
  skip_left_ = 0;
  expect_nothing();
  handler_->on_peer_ended();
  close_if_done();
  if (open_) watch();
}

/// The last thing that a server has sent before it reset the connection is still in the socket: replies, and why it
/// did so (an alert of TLS, a GOAWAY).
Connection::Wrote Connection::on_broken_write() {
  if (handler_ == nullptr || handler_->serves()) {
    close(CloseReason::kReset);
    return Wrote::kClosed;
  }
  // Not now: the caller may be in the middle of writing a call.
  if (!std::exchange(write_broken_, true)) {
    asio::post(io_.context(), [self = shared_from_this()] { self->read_rest(); });
  }
  return Wrote::kAwaitsReading;
}

void Connection::read_rest() {
  if (open_ && !paused() && !ended_ && !awaits_step_) read_available();
  close(CloseReason::kReset);
}

void Connection::watch() {
  if (watching_) return;
  watching_ = true;
  spawn(io_.context(), shared_from_this(), watch_loop(shared_from_this()));
}

Task<void> Connection::watch_loop(std::shared_ptr<Connection> self) {
  std::error_code error;
  co_await self->socket_.wait(StreamSocket::wait_error, error);
  if (!self->open_) co_return;
  // Urgent data is never read and would be reported forever, so this does not wait for anything after it.
  if (!error && !self->socket_.gone()) co_return;
  self->watching_ = false;
  // While the connection is being read, reading finds its end by itself, after the received data.
  if (self->paused() || self->ended_) self->close(CloseReason::kReset);
}

void Connection::take(ByteSpan data) {
  ROCKET_ON_IO_THREAD(io_);
  data = skip(data);
  while (pending_size_ > 0 && !data.empty() && open_ && !paused()) {
    // Complete the partly received frame, and no more: the data after it is used from `data` without a copy.
    const std::size_t wanted = pending_frame_bytes_ > 0 ? pending_frame_bytes_ - pending_size_ : kHeadBytes;
    const auto piece = data.first(std::min(wanted, data.size()));
    append_pending(piece);
    data = data.subspan(piece.size());
    if (pending_size_ > 0 && pending_size_ >= pending_frame_bytes_) take_pending();
    data = skip(data);
  }
  if (data.empty() || !open_) return;
  if (paused()) {
    hold(data);
  } else {
    offer(data);
  }
}

/// What is left of `data` behind a frame that was refused.
ByteSpan Connection::skip(ByteSpan data) {
  if (skip_left_ == 0) return data;
  const std::size_t here = std::min(skip_left_, data.size());
  const std::size_t units_left = skip_left_ / limits_.max_frame_bytes;
  skip_left_ -= here;
  if (skip_left_ == 0) {
    expect_nothing();
  } else if (skip_left_ / limits_.max_frame_bytes < units_left) {
    progress_since_ = io_.now();
  }
  return data.subspan(here);
}

/// Offers bytes to the handler, and to the next one if it hands over; keeps the rest.
void Connection::offer(ByteSpan bytes) {
  ConnectionHandler* asked = handler_;
  auto taken = asked->on_bytes(bytes);
  while (handler_ != asked) {
    std::exchange(asked, handler_)->on_handed_over();
    bytes = bytes.subspan(taken.consumed);
    taken = {};
    if (open_ && !paused() && !bytes.empty()) taken = asked->on_bytes(bytes);
  }
  if (!open_) return;
  skip_left_ = taken.skip_bytes;
  keep(bytes.subspan(taken.consumed), taken.frame_bytes);
}

/// Offers pending data to the handler, and keeps the rest.
void Connection::take_pending() {
  if (pending_frame_bytes_ >= kLargeFrameBytes && pending_size_ == pending_frame_bytes_) {
    const std::size_t frame_bytes = pending_size_;
    OwnedBytes frame = release_pending();
    const bool taken = handler_->on_large_frame(frame);
    if (!taken && open_) {
      pending_ = std::move(frame);
      pending_size_ = pending_frame_bytes_ = frame_bytes;
      gauges_.partial_bytes.fetch_add(static_cast<std::int64_t>(pending_.size()), std::memory_order_relaxed);
    }
    return;
  }
  const std::size_t size = pending_size_;
  const OwnedBytes block = release_pending();
  offer({block.data(), size});
}

void Connection::keep(ByteSpan rest, std::size_t frame_bytes) {
  if (rest.empty()) return;
  // More than the frame's length is left over when reading was paused: other frames may follow.
  pending_frame_bytes_ = frame_bytes >= rest.size() ? frame_bytes : 0;
  append_pending(rest);
}

/// What was read before reading was paused.
void Connection::hold(ByteSpan data) {
  pending_frame_bytes_ = 0;
  append_pending(data);
}

void Connection::append_pending(ByteSpan piece) {
  const std::size_t size = pending_size_ + piece.size();
  if (pending_.size() < size && !grow_pending(size)) {
    return drop_frame(pending_size_ > 0 ? ByteSpan{pending_.data(), pending_size_} : piece, size);
  }
  std::memcpy(pending_.data() + pending_size_, piece.data(), piece.size());
  pending_size_ = size;
}

/// Reserves room for `size` bytes and some more.
bool Connection::grow_pending(std::size_t size) {
  const std::size_t before = pending_.size();
  if (!pending_.try_grow(room_for(size, pending_frame_bytes_))) return false;
  const auto change = static_cast<std::int64_t>(pending_.size()) - static_cast<std::int64_t>(before);
  gauges_.partial_bytes.fetch_add(change, std::memory_order_relaxed);
  return true;
}

/// There is no memory for the frame of which `arrived` bytes are there, `begun` among them. Nothing of it is kept, and
/// what is still to come of it is skipped.
void Connection::drop_frame(ByteSpan begun, std::size_t arrived) {
  const std::size_t frame_bytes = pending_frame_bytes_;
  if (frame_bytes < arrived || !handler_->on_out_of_memory(begun, frame_bytes)) {
    return close(CloseReason::kOutOfMemory);
  }
  skip_left_ = frame_bytes - arrived;
  if (skip_left_ == 0) expect_nothing();
  clear_pending();
}

void Connection::clear_pending() { static_cast<void>(release_pending()); }

OwnedBytes Connection::release_pending() {
  gauges_.partial_bytes.fetch_sub(static_cast<std::int64_t>(pending_.size()), std::memory_order_relaxed);
  pending_size_ = pending_frame_bytes_ = 0;
  return std::move(pending_);
}

void Connection::pause_reading(Pause why) {
  ROCKET_ON_IO_THREAD(io_);
  paused_ |= why;
  // Calls that end with their connection find it without a handler.
  if (handler_ != nullptr && handler_->serves()) watch();
}

void Connection::resume_reading(Pause why) {
  ROCKET_ON_IO_THREAD(io_);
  if (!paused_for(why) || !open_) return;
  paused_ &= static_cast<std::uint8_t>(~why);
  if (paused()) return;
  if (expects_progress()) {
    progress_since_ = io_.now();
    arm_timer(progress_since_ + progress_within_ms_);
  }
  if (pending_size_ > 0) take_pending();
  if (!paused()) start_reading();
}

}  // namespace rocket::io
