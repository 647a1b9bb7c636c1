#include "h2/client_session.h"

#include <algorithm>
#include <vector>

namespace rocket::h2 {

ClientSession::ClientSession(const Options& options, Resources& resources, ClientHandler& handler, Sink& sink)
    : Session(Role::kClient, options, resources, handler, sink), client_handler_(handler) {
  goaway_last_ = 0;  // a server opens no streams
}

void ClientSession::start(SteadyMs now) {
  begin(now);
  const std::uint32_t more = options_.connection_window - kDefaultWindow;
  auto* out = sink_.append(kPreface.size() + kFrameHeadBytes + 3 * kSettingBytes + (more > 0 ? kWindowUpdateBytes : 0));
  out = write_bytes(out, as_bytes(kPreface));
  out = write_frame_head(out, 3 * kSettingBytes, FrameType::kSettings, 0, 0);
  out = write_setting(out, SettingId::kEnablePush, 0);
  out = write_setting(out, SettingId::kInitialWindowSize, options_.stream_window);
  out = write_setting(out, SettingId::kMaxHeaderListSize, options_.max_header_list_bytes);
  if (more > 0) write_window_update(out, 0, more);
}

Session::Fed ClientSession::feed(ByteSpan bytes, SteadyMs now) {
  now_ = now;
  const Fed fed = closed_ ? Fed{} : feed_frames(bytes);
  return closed_ ? Fed{.consumed = bytes.size()} : fed;
}

std::uint32_t ClientSession::room() const {
  if (closed_ || !settings_taken_ || exhausted()) return 0;
  const std::uint32_t most = std::min(peer_max_streams_, options_.max_streams);
  return most - std::min(most, streams_.size());
}

Stream* ClientSession::open(ByteSpan headers) {
  Stream* const stream = resources_.streams.take();
  if (stream == nullptr) return nullptr;
  stream->id_ = last_stream_ == 0 ? 1 : last_stream_ + 2;
  if (!streams_.insert(*stream)) {
    resources_.streams.give(stream);
    return nullptr;
  }
  last_stream_ = stream->id_;
  ++held_;
  stream->send_window_ = static_cast<std::int32_t>(peer_window_);
  stream->window_ = options_.stream_window;
  stream->receive_window_ = static_cast<std::int32_t>(stream->window_);
  stream->content_left_ = 0;  // until the headers of the response have come
  glitches_.give(kGlitchesPerStream, options_.glitches);
  send_headers(*stream, headers, false);
  return stream;
}

void ClientSession::leave() {
  if (!closed_) write_goaway_frame(0, ErrorCode::kNoError, {});
}

void ClientSession::take_response(Stream& stream, bool ended, ByteSpan bytes) {
  Block block{.check = FieldCheck(FieldCheck::Kind::kResponse)};
  if (!decode(bytes, block)) return;
  if (const char* why = block.check.verdict()) return reset_for(stream, {ErrorCode::kProtocolError, true, why});
  const int status = block.check.status();
  if (status < 200) {
    if (ended || status == 101)
      return reset_for(stream, {ErrorCode::kProtocolError, true, "an informational response that ends or switches"});
    glitch();
    return;
  }
  const auto content = block.check.content_length();
  if (ended && content > 0)
    return reset_for(stream, {ErrorCode::kProtocolError, true, "content-length is not the length of the body"});
  stream.headers_taken_ = true;
  stream.content_left_ = content;
  stream.peer_ended_ = ended;
  if (ended && stream.ended_ && stream.queue_.empty()) close_stream(stream, End::kBothEnded);
  client_handler_.on_response(stream, status, {.too_large = block.too_large, .ended = ended});
}

/// Streams above the last one have certainly not been served.
void ClientSession::take_goaway(const Goaway& goaway) {
  if (shutdown_ == Shutdown::kNo) shutdown_ = Shutdown::kFinished;
  std::vector<std::uint32_t> unserved;
  streams_.each([&](const Stream& stream) {
    if (stream.id_ > goaway.last_stream) unserved.push_back(stream.id_);
  });
  std::sort(unserved.begin(), unserved.end());
  handler_.on_goaway(goaway);
  for (const auto id : unserved) {
    auto* const stream = streams_.find(id);
    if (stream == nullptr) continue;
    close_stream(*stream, End::kResetByUs);
    if (!closed_) handler_.on_reset(*stream, ErrorCode::kRefusedStream, nullptr);
  }
  note_drained();
}

}  // namespace rocket::h2
