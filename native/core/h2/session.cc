#include "h2/session.h"

namespace rocket::h2 {

Session::Session(Role role, const Options& options, Resources& resources, Handler& handler, Sink& sink)
    : role_(role),
      options_(options),
      resources_(resources),
      handler_(handler),
      sink_(sink),
      connection_window_(options.connection_window),
      meter_(options.stream_window, options.max_window),
      decoder_(options.tag_of),
      resets_(options.resets),
      glitches_(options.glitches),
      most_control_frames_(options.max_control_frames) {}

Session::~Session() {
  closed_ = true;
  streams_.each([this](Stream& stream) {
    stream.released_ = true;
    close_stream(stream, End::kResetByUs);
  });
  while (!held_closed_.empty()) recycle(of(held_closed_.next));
}

void Session::begin(SteadyMs now) {
  now_ = now;
  resets_.start(now);
  glitches_.start(now);
}

Session::Fed Session::feed_frames(ByteSpan bytes) {
  Fed fed;
  while (bytes.size() - fed.consumed >= kFrameHeadBytes) {
    const auto rest = bytes.subspan(fed.consumed);
    const auto head = read_frame_head(rest.data());
    // Checked before the whole frame has arrived, so that a frame that is refused is not buffered.
    if (!check_order(head)) return fed;
    const auto fault = check_frame_head(head, kDefaultMaxFrameBytes);
    if (fault && !fault.of_stream) {
      fail(fault.code, fault.why);
      return fed;
    }
    if (rest.size() < head.frame_bytes()) {
      fed.frame_bytes = head.frame_bytes();
      return fed;
    }
    fed.consumed += head.frame_bytes();
    if (fault) {
      stream_fault(head.stream, fault);
    } else {
      take_frame(head, rest.subspan(kFrameHeadBytes, head.length));
    }
    if (closed_) return fed;
  }
  return fed;
}

/// Whether a frame of this type may follow now.
bool Session::check_order(const FrameHead& head) {
  if (!settings_taken_ && (!head.is(FrameType::kSettings) || head.has(kAck))) {
    fail(ErrorCode::kProtocolError, "the first frame is not SETTINGS");
  } else if (block_stream_ != 0 && (!head.is(FrameType::kContinuation) || head.stream != block_stream_)) {
    fail(ErrorCode::kProtocolError, "a frame between HEADERS and CONTINUATION");
  } else if (block_stream_ == 0 && head.is(FrameType::kContinuation)) {
    fail(ErrorCode::kProtocolError, "CONTINUATION without HEADERS");
  }
  return !closed_;
}

void Session::take_frame(const FrameHead& head, ByteSpan payload) {
  if (head.type > static_cast<std::uint8_t>(FrameType::kContinuation)) {
    glitch();
    return;
  }
  switch (static_cast<FrameType>(head.type)) {
    case FrameType::kData: take_data(head, payload); return;
    case FrameType::kHeaders: take_headers(head, payload); return;
    case FrameType::kPriority:
      if (const auto fault = read_priority(head, payload)) {
        stream_fault(head.stream, fault);
      } else {
        glitch();
      }
      return;
    case FrameType::kRstStream: take_rst_stream(head, payload); return;
    case FrameType::kSettings: take_settings(head, payload); return;
    case FrameType::kPushPromise: fail(ErrorCode::kProtocolError, "PUSH_PROMISE"); return;
    case FrameType::kPing: take_ping(head, payload); return;
    case FrameType::kGoaway:
      if (glitch()) take_goaway(read_goaway(payload));
      return;
    case FrameType::kWindowUpdate: take_window_update(head, payload); return;
    case FrameType::kContinuation: take_continuation(head, payload); return;
  }
}

void Session::take_data(const FrameHead& head, ByteSpan payload) {
  if (is_idle(head.stream)) return fail(ErrorCode::kProtocolError, "DATA on an idle stream");
  ByteSpan data;
  if (const auto fault = read_data(head, payload, data)) return fail(fault.code, fault.why);
  const bool ended = head.has(kEndStream);
  if (data.empty() && !ended && !glitch()) return;
  meter_.note_data(received_total(), now_);
  give_back(head.length);
  if (closed_) return;

  auto* const stream = streams_.find(head.stream);
  if (stream == nullptr) {
    switch (past(head.stream)) {
      // Frames that were under way when we reset the stream are no fault of the peer.
      case Past::kResetByUs: return;
      case Past::kUnknown: return note_late();
      case Past::kClosed: return refuse(head.stream, ErrorCode::kStreamClosed);
    }
    return;
  }
  if (stream->peer_ended_) return reset_for(*stream, {ErrorCode::kStreamClosed, true, "DATA behind END_STREAM"});
  if (head.length > static_cast<std::uint32_t>(stream->receive_window_))
    return reset_for(*stream, {ErrorCode::kFlowControlError, true, "DATA over the stream's window"});
  if (stream->content_left_ >= 0) {
    if (!stream->headers_taken_)
      return reset_for(*stream, {ErrorCode::kProtocolError, true, "DATA before the response's HEADERS"});
    stream->content_left_ -= static_cast<std::int64_t>(data.size());
    if (stream->content_left_ < 0 || (ended && stream->content_left_ > 0))
      return reset_for(*stream, {ErrorCode::kProtocolError, true, "content-length is not the length of the body"});
  }
  stream->receive_window_ -= static_cast<std::int32_t>(head.length);
  stream->peer_ended_ = ended;
  if (head.length > data.size()) consume(*stream, head.length - data.size(), false);
  const bool heard = !stream->released_;
  if (ended && stream->ended_ && stream->queue_.empty()) close_stream(*stream, End::kBothEnded);
  if (heard && !closed_ && (ended || !data.empty())) handler_.on_data(*stream, data, ended);
}

void Session::take_rst_stream(const FrameHead& head, ByteSpan payload) {
  if (is_idle(head.stream)) return fail(ErrorCode::kProtocolError, "RST_STREAM on an idle stream");
  auto* const stream = streams_.find(head.stream);
  if (stream == nullptr) return note_late();
  if (role_ == Role::kServer && !count_reset()) return;
  const bool heard = !stream->released_;
  close_stream(*stream, End::kResetByPeer);
  if (heard && !closed_) handler_.on_reset(*stream, read_rst_stream(payload), nullptr);
}

void Session::take_window_update(const FrameHead& head, ByteSpan payload) {
  if (!glitch()) return;
  std::uint32_t increment = 0;
  if (const auto fault = read_window_update(head, payload, increment)) {
    if (fault.of_stream) return stream_fault(head.stream, fault);
    return fail(fault.code, fault.why);
  }
  if (head.stream == 0) {
    send_window_ += increment;
    if (send_window_ > kMaxWindow) return fail(ErrorCode::kFlowControlError, "the connection's window over 2^31-1");
    return drain();
  }
  if (is_idle(head.stream)) return fail(ErrorCode::kProtocolError, "WINDOW_UPDATE on an idle stream");
  auto* const stream = streams_.find(head.stream);
  if (stream == nullptr) return;
  const std::int64_t window = static_cast<std::int64_t>(stream->send_window_) + increment;
  if (window > kMaxWindow)
    return reset_for(*stream, {ErrorCode::kFlowControlError, true, "the stream's window over 2^31-1"});
  stream->send_window_ = static_cast<std::int32_t>(window);
  mark_ready(*stream);
  drain();
}

void Session::note_late() {
  if (role_ == Role::kServer) glitch();
}

void Session::stream_fault(std::uint32_t id, const Fault& fault) {
  if (is_idle(id)) return fail(fault.code, fault.why);
  if (!glitch()) return;
  if (auto* const stream = streams_.find(id)) return reset_for(*stream, fault);
  refuse(id, fault.code);
}

}  // namespace rocket::h2
