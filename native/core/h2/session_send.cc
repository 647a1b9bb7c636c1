// Sending within the peer's windows.
#include <algorithm>
#include <cstring>
#include <utility>

#include "h2/session.h"

namespace rocket::h2 {

namespace {

/// The glitches that a DATA frame of ours gives back: peers often answer it with WINDOW_UPDATEs and a PING.
constexpr std::int32_t kGlitchesPerData = 4;
/// A DATA frame that a window has made smaller than this gives back none: a peer can use such windows to make us write
/// single bytes.
constexpr std::size_t kLeastCutBytes = 256;
/// A change of the dynamic table's size to 0.
constexpr std::uint8_t kNoTable = 0x20;

ByteSpan take_front(ByteSpan& bytes, std::size_t most) {
  const auto front = bytes.first(std::min(most, bytes.size()));
  bytes = bytes.subspan(front.size());
  return front;
}

}  // namespace

std::uint8_t* Session::write_header_frames(std::uint8_t* out, std::uint32_t id, ByteSpan block, bool end) {
  std::size_t owed = table_update_owed_ ? 1 : 0;
  auto type = FrameType::kHeaders;
  std::uint8_t flags = end ? kEndStream : 0;
  do {
    const auto part = take_front(block, kFrameBytes - owed);
    if (block.empty()) flags |= kEndHeaders;
    out = write_frame_head(out, owed + part.size(), type, flags, id);
    if (owed > 0) {
      *out++ = kNoTable;
      owed = 0;
      table_update_owed_ = false;
      table_size_told_ = true;
    }
    out = write_bytes(out, part);
    type = FrameType::kContinuation;
    flags = 0;
  } while (!block.empty());
  sent_since_ping_ = true;
  return out;
}

void Session::send_headers(Stream& stream, ByteSpan block, bool end) {
  if (!may_send(stream)) return;
  if (!stream.queue_.empty()) {
    stream.trailers_ = OwnedBytes::try_copy_of(block);
    if (stream.trailers_.empty() && !block.empty()) return reset(stream, ErrorCode::kInternalError);
    stream.ended_ = stream.end_waits_ = true;
    return;
  }
  write_header_frames(sink_.append(header_frames_bytes(table_update_owed_ + block.size())), stream.id_, block, end);
  if (!end) return;
  stream.ended_ = true;
  note_ended(stream);
}

std::size_t Session::room_of(const Stream& stream) const {
  const auto window = std::min<std::int64_t>(stream.send_window_, send_window_);
  return window > 0 ? static_cast<std::size_t>(window) : 0;
}

/// `last`: all data has been sent.
void Session::note_sent(Stream& stream, std::size_t bytes, bool last) {
  stream.send_window_ -= static_cast<std::int32_t>(bytes);
  send_window_ -= static_cast<std::int64_t>(bytes);
  if (last || bytes >= kLeastCutBytes) glitches_.give(kGlitchesPerData, options_.glitches);
  sent_since_ping_ = true;
}

Session::Sent Session::send_data(Stream& stream, ByteSpan head, ByteSpan body, bool end) {
  if (!may_send(stream)) return Sent::kClosed;
  if (!stream.queue_.empty()) {
    if (stream.queue_.size() < options_.max_stream_queue_bytes) return queue_data(stream, head, body, end);
    stream.writable_owed_ = true;
    return Sent::kFull;
  }
  std::size_t left = head.size() + body.size();
  std::size_t window = sink_.backlogged() ? 0 : room_of(stream);
  while (left > 0 ? window > 0 : end) {
    const auto bytes = std::min({left, window, kFrameBytes});
    const bool last = end && bytes == left;
    auto* out = sink_.append(kFrameHeadBytes + bytes);
    out = write_frame_head(out, bytes, FrameType::kData, last ? kEndStream : 0, stream.id_);
    const auto front = take_front(head, bytes);
    out = write_bytes(out, front);
    write_bytes(out, take_front(body, bytes - front.size()));
    note_sent(stream, bytes, bytes == left);
    left -= bytes;
    window -= bytes;
    if (last) {
      stream.ended_ = true;
      note_ended(stream);
      return Sent::kWritten;
    }
  }
  return left == 0 ? Sent::kWritten : queue_data(stream, head, body, end);
}

Session::Sent Session::queue_data(Stream& stream, ByteSpan head, ByteSpan body, bool end) {
  const std::size_t before = stream.queue_.size();
  if (!stream.queue_.push(head) || !stream.queue_.push(body)) {
    queued_bytes_ += stream.queue_.size() - before;
    return Sent::kNoMemory;
  }
  queued_bytes_ += stream.queue_.size() - before;
  stream.ended_ = stream.end_waits_ = end;
  stream.writable_owed_ = true;
  if (before == 0) {
    stream.stalled_since_ = 0;
    stalled_.push_back(static_cast<StallLink&>(stream));
    mark_ready(stream);
  }
  return Sent::kQueued;
}

/// END_STREAM has been written.
void Session::note_ended(Stream& stream) {
  if (stream.peer_ended_) {
    close_stream(stream, End::kBothEnded);
  } else if (stream.released_) {
    write_rst(stream.id_, ErrorCode::kNoError);
    close_stream(stream, End::kResetByUs);
  }
}

void Session::mark_ready(Stream& stream) {
  auto& link = static_cast<ReadyLink&>(stream);
  if (link.empty() && !stream.queue_.empty() && stream.send_window_ > 0) ready_.push_back(link);
}

void Session::unqueue(Stream& stream) {
  static_cast<ReadyLink&>(stream).unlink();
  static_cast<StallLink&>(stream).unlink();
  queued_bytes_ -= stream.queue_.size();
  stream.queue_.clear();
}

void Session::drain() {
  while (!closed_ && !ready_.empty() && send_window_ > 0 && !sink_.backlogged()) drain_one(of(ready_.next));
}

/// Sends one frame of a stream, which then moves to the end of the list.
void Session::drain_one(Stream& stream) {
  const auto data = stream.queue_.front(std::min(room_of(stream), kFrameBytes));
  const bool last = data.size() == stream.queue_.size();
  const bool end = last && stream.end_waits_ && stream.trailers_.empty();
  auto* out = sink_.append(kFrameHeadBytes + data.size());
  out = write_frame_head(out, data.size(), FrameType::kData, end ? kEndStream : 0, stream.id_);
  write_bytes(out, data);
  note_sent(stream, data.size(), last);
  queued_bytes_ -= data.size();
  stream.queue_.pop(data.size());
  auto& ready = static_cast<ReadyLink&>(stream);
  auto& stall = static_cast<StallLink&>(stream);
  ready.unlink();
  stall.unlink();
  stream.stalled_since_ = 0;
  if (!last) {
    stalled_.push_back(stall);
    return mark_ready(stream);
  }
  if (!stream.trailers_.empty()) {
    const auto trailers = std::move(stream.trailers_);
    write_header_frames(sink_.append(header_frames_bytes(table_update_owed_ + trailers.size())), stream.id_,
                        trailers.span(), true);
  }
  if (stream.end_waits_) {
    stream.end_waits_ = false;
    note_ended(stream);
  } else if (stream.writable_owed_) {
    stream.writable_owed_ = false;
    handler_.on_stream_writable(stream);
  }
}

bool Session::reserve(Stream& stream, std::uint32_t bytes) {
  const bool plain = may_send(stream) && shutdown_ == Shutdown::kNo && !table_update_owed_ && stream.queue_.empty();
  if (!plain || sink_.backlogged() || room_of(stream) < bytes) return false;
  stream.send_window_ -= static_cast<std::int32_t>(bytes);
  send_window_ -= bytes;
  return true;
}

void Session::unreserve(Stream& stream, std::uint32_t bytes) {
  if (closed_) return;
  // The peer may have opened the windows to the maximum, since it does not know of the reserved bytes.
  const auto opened = [bytes](std::int64_t window) { return std::min<std::int64_t>(window + bytes, kMaxWindow); };
  send_window_ = opened(send_window_);
  stream.send_window_ = static_cast<std::int32_t>(opened(stream.send_window_));
  mark_ready(stream);
  drain();
}

void Session::note_written(Stream& stream, std::uint32_t reserved, std::uint32_t sent) {
  unreserve(stream, reserved - sent);
  if (!may_send(stream)) return;
  glitches_.give(kGlitchesPerData, options_.glitches);
  sent_since_ping_ = true;
  stream.ended_ = true;
  note_ended(stream);
}

/// The stream's window is about to be given back: data arrives that needs it.
std::uint32_t Session::growth_of(const Stream& stream) {
  if (meter_.begin(received_total(), now_)) send_ping(WindowMeter::kPing.data());
  if (stream.window_ >= meter_.wanted()) return 0;
  const std::size_t left = options_.max_growth - std::min(growth_, options_.max_growth);
  return static_cast<std::uint32_t>(std::min<std::size_t>(meter_.wanted() - stream.window_, left));
}

void Session::consume(Stream& stream, std::size_t bytes, bool grows) {
  if (closed_ || stream.closed_ || stream.peer_ended_) return;
  // Never more than was received, even if the application says so.
  const auto received = stream.window_ - static_cast<std::uint32_t>(stream.receive_window_) - stream.consumed_;
  const auto taken = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, received));
  stream.consumed_ += taken;
  if (grows && taken > 0) stream.may_grow_ = true;
  if (stream.consumed_ >= stream.window_ / 2) give_consumed(stream);
}

void Session::top_up(Stream& stream) {
  if (stream.consumed_ == 0 || static_cast<std::uint32_t>(stream.receive_window_) >= stream.window_ / 2) return;
  if (!closed_ && !stream.closed_ && !stream.peer_ended_) give_consumed(stream);
}

void Session::give_consumed(Stream& stream) {
  const std::uint32_t growth = std::exchange(stream.may_grow_, false) ? growth_of(stream) : 0;
  const std::uint32_t given = stream.consumed_ + growth;
  stream.consumed_ = 0;
  stream.window_ += growth;
  growth_ += growth;
  stream.receive_window_ += static_cast<std::int32_t>(given);
  if (auto* out = append_control(kWindowUpdateBytes)) write_window_update(out, stream.id_, given);
  sent_since_ping_ = true;
}

std::optional<SteadyMs> Session::stalled_since(SteadyMs now) {
  if (stalled_.empty()) return std::nullopt;
  const auto stream_of = [](ListLink* link) { return static_cast<Stream*>(static_cast<StallLink*>(link)); };
  // Streams that have moved since the last call are at the end.
  for (auto* link = stalled_.prev; link != &stalled_ && stream_of(link)->stalled_since_ == 0; link = link->prev)
    stream_of(link)->stalled_since_ = now;
  return stream_of(stalled_.next)->stalled_since_;
}

}  // namespace rocket::h2
