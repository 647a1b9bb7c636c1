#include "h2/server_session.h"

#include <algorithm>
#include <cstring>

namespace rocket::h2 {

namespace {

/// The longest block that is compared with the next one.
constexpr std::size_t kLastBlockBytes = 512;

}  // namespace

ServerSession::ServerSession(const Options& options, Resources& resources, ServerHandler& handler, Sink& sink)
    : Session(Role::kServer, options, resources, handler, sink), server_handler_(handler) {}

void ServerSession::start(SteadyMs now) {
  begin(now);
  const std::uint32_t more = options_.connection_window - kDefaultWindow;
  auto* out = sink_.append(kFrameHeadBytes + 3 * kSettingBytes + (more > 0 ? kWindowUpdateBytes : 0));
  out = write_frame_head(out, 3 * kSettingBytes, FrameType::kSettings, 0, 0);
  out = write_setting(out, SettingId::kMaxConcurrentStreams, options_.max_streams);
  out = write_setting(out, SettingId::kInitialWindowSize, options_.stream_window);
  out = write_setting(out, SettingId::kMaxHeaderListSize, options_.max_header_list_bytes);
  if (more > 0) write_window_update(out, 0, more);
}

Session::Fed ServerSession::feed(ByteSpan bytes, SteadyMs now) {
  now_ = now;
  Fed fed;
  if (!closed_ && !preface_taken_) {
    const auto begun = std::min(bytes.size(), kPreface.size());
    if (as_text(bytes.first(begun)) != kPreface.substr(0, begun)) {
      fail(ErrorCode::kProtocolError, "not the preface of HTTP/2");
    } else if (begun < kPreface.size()) {
      return {.consumed = 0, .frame_bytes = kPreface.size()};
    } else {
      preface_taken_ = true;
      fed.consumed = begun;
    }
  }
  if (!closed_) {
    const auto taken = feed_frames(bytes.subspan(fed.consumed));
    fed.consumed += taken.consumed;
    fed.frame_bytes = taken.frame_bytes;
  }
  return closed_ ? Fed{.consumed = bytes.size()} : fed;
}

/// Like decode(), unless the block equals the last one: decoding is half of the cost of a small request.
bool ServerSession::decode_request(ByteSpan bytes, Block& out) {
  const auto changes = decoder_.table().changes();
  const bool again = last_.size == bytes.size() && last_.table_changes == changes && !bytes.empty() &&
                     std::memcmp(last_.bytes.data(), bytes.data(), bytes.size()) == 0;
  if (again && last_.kept) {
    out = last_.found;
    server_handler_.on_kept_block();
    return true;
  }
  last_.kept = false;
  if (!decode(bytes, out)) return false;
  const bool repeatable = bytes.size() <= kLastBlockBytes && decoder_.table().changes() == changes && !out.too_large &&
                          out.check.verdict() == nullptr;
  if (!repeatable) {
    last_.size = 0;
  } else if (again) {
    last_.found = out;
    last_.kept = server_handler_.keep_block();
  } else if (!bytes.empty() && (bytes.size() <= last_.bytes.size() || last_.bytes.try_grow(bytes.size()))) {
    std::memcpy(last_.bytes.data(), bytes.data(), bytes.size());
    last_.size = bytes.size();
    last_.table_changes = changes;
  }
  return true;
}

void ServerSession::open_stream(std::uint32_t id, bool ended, ByteSpan bytes, const Fault& fault) {
  const bool unserved = shutdown_ >= Shutdown::kFinished;
  last_stream_ = id;
  const bool full = held_ >= options_.max_streams && held_ - server_handler_.written_unnoted() >= options_.max_streams;
  if (unserved || fault || full) {
    if (!decode_unheard(bytes)) return;
    // The request crossed our GOAWAY, which tells the peer that it is not served.
    if (unserved) {
      remember(id, true);
      glitch();
      return;
    }
    return refuse(id, fault ? fault.code : ErrorCode::kRefusedStream);
  }
  glitches_.give(kGlitchesPerStream, options_.glitches);
  Block block{.check = FieldCheck(FieldCheck::Kind::kRequest)};
  if (!decode_request(bytes, block)) return;
  const auto content = block.check.content_length();
  if (block.check.verdict() != nullptr || (ended && content > 0)) return refuse(id, ErrorCode::kProtocolError);

  Stream* const stream = resources_.streams.take();
  if (stream == nullptr) return refuse(id, ErrorCode::kRefusedStream);
  stream->id_ = id;
  if (!streams_.insert(*stream)) {
    resources_.streams.give(stream);
    return refuse(id, ErrorCode::kRefusedStream);
  }
  ++held_;
  stream->headers_taken_ = true;
  stream->peer_ended_ = ended;
  stream->send_window_ = static_cast<std::int32_t>(peer_window_);
  stream->window_ = options_.stream_window;
  stream->receive_window_ = static_cast<std::int32_t>(stream->window_);
  stream->content_left_ = content;
  server_handler_.on_request(*stream, {.too_large = block.too_large, .ended = ended});
}

Session::Sent ServerSession::reply(Stream& stream, ByteSpan headers, ByteSpan head, ByteSpan body, ByteSpan trailers) {
  if (!may_send(stream)) return Sent::kClosed;
  const std::size_t bytes = head.size() + body.size();
  if (bytes > kFrameBytes || bytes > room_of(stream) || !stream.queue_.empty() || sink_.backlogged()) {
    send_headers(stream, headers, false);
    const auto sent = send_data(stream, head, body, false);
    if (sent != Sent::kNoMemory) send_headers(stream, trailers, true);
    return sent;
  }
  const std::size_t headers_bytes = header_frames_bytes(table_update_owed_ + headers.size());
  const std::size_t trailers_bytes = header_frames_bytes(trailers.size());
  auto* out = sink_.append(headers_bytes + kFrameHeadBytes + bytes + trailers_bytes);
  out = write_header_frames(out, stream.id_, headers, false);
  out = write_frame_head(out, bytes, FrameType::kData, 0, stream.id_);
  out = write_bytes(write_bytes(out, head), body);
  note_sent(stream, bytes, true);
  write_header_frames(out, stream.id_, trailers, true);
  stream.ended_ = true;
  note_ended(stream);
  return Sent::kWritten;
}

void ServerSession::take_ping_ack(ByteSpan data) {
  if (std::memcmp(data.data(), kShutdownPing.data(), kPingDataBytes) != 0) return handler_.on_ping_ack(data);
  if (shutdown_ == Shutdown::kBegun) finish_shutdown();
}

void ServerSession::begin_shutdown() {
  if (closed_ || shutdown_ != Shutdown::kNo) return;
  shutdown_ = Shutdown::kBegun;
  write_goaway_frame(kMaxStreamId, ErrorCode::kNoError, {});
  send_ping(kShutdownPing.data());
}

void ServerSession::finish_shutdown() {
  if (closed_ || shutdown_ >= Shutdown::kFinished) return;
  shutdown_ = Shutdown::kFinished;
  goaway_last_ = last_stream_;
  write_goaway_frame(goaway_last_, ErrorCode::kNoError, {});
  note_drained();
}

}  // namespace rocket::h2
