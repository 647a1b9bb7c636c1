// The ends of streams, and the memory of closed ones.
#include "h2/session.h"

namespace rocket::h2 {

void Session::reset(Stream& stream, ErrorCode code) {
  if (closed_ || stream.closed_) return;
  if (role_ == Role::kServer) {
    write_rst(stream.id_, code);
  } else {
    // The caller has cancelled, so this frame does not count as one that the server makes us send.
    write_rst_stream(sink_.append(kRstStreamBytes), stream.id_, code);
  }
  close_stream(stream, End::kResetByUs);
}

void Session::release(Stream& stream) {
  stream.released_ = true;
  stream.user = nullptr;
  if (stream.closed_) return recycle(stream);
  if (closed_) return close_stream(stream, End::kResetByUs);
  if (!stream.ended_) {
    write_rst(stream.id_, ErrorCode::kCancel);
    close_stream(stream, End::kResetByUs);
  } else if (stream.queue_.empty()) {
    note_ended(stream);
  }
}

void Session::close_stream(Stream& stream, End end) {
  streams_.erase(stream);
  unqueue(stream);
  growth_ -= stream.window_ - options_.stream_window;
  stream.closed_ = true;
  remember(stream.id_, end == End::kResetByUs);
  if (end == End::kBothEnded) resets_.give(1, options_.resets);
  if (stream.released_) {
    recycle(stream);
  } else {
    held_closed_.push_back(static_cast<ReadyLink&>(stream));
  }
  note_drained();
}

void Session::recycle(Stream& stream) {
  static_cast<ReadyLink&>(stream).unlink();
  --held_;
  resources_.streams.give(&stream);
}

void Session::reset_for(Stream& stream, const Fault& fault) {
  if (role_ == Role::kServer && !count_reset()) return;
  write_rst(stream.id_, fault.code);
  const bool heard = !stream.released_;
  close_stream(stream, End::kResetByUs);
  if (heard && !closed_) handler_.on_reset(stream, fault.code, fault.why);
}

void Session::refuse(std::uint32_t id, ErrorCode code) {
  if (!count_reset()) return;
  write_rst(id, code);
  remember(id, true);
}

bool Session::count_reset() {
  if (resets_.take(1, options_.resets, now_)) return true;
  fail(ErrorCode::kEnhanceYourCalm, "too many resets of streams");
  return false;
}

void Session::write_rst(std::uint32_t id, ErrorCode code) {
  if (auto* out = append_control(kRstStreamBytes)) write_rst_stream(out, id, code);
}

void Session::remember(std::uint32_t id, bool reset_by_us) {
  past_[past_at_++ % kRemembered] = id << 1 | (reset_by_us ? 1 : 0);
}

Session::Past Session::past(std::uint32_t id) const {
  // The newest first: a stream may have been closed by the peer, and then reset by us because more data came.
  for (std::uint32_t i = 1; i <= kRemembered; ++i) {
    const auto seen = past_[(past_at_ - i) % kRemembered];
    if (seen >> 1 == id) return (seen & 1) != 0 ? Past::kResetByUs : Past::kClosed;
  }
  return Past::kUnknown;
}

}  // namespace rocket::h2
