// Frames of the connection as a whole, and its end.
#include <algorithm>
#include <cstring>

#include "h2/client_session.h"

namespace rocket::h2 {

namespace {

/// Changing the windows of this many streams costs as much as one frame.
constexpr std::uint32_t kStreamsPerGlitch = 16;

}  // namespace

void Session::take_settings(const FrameHead& head, ByteSpan payload) {
  const auto entries = payload.size() / kSettingBytes;
  if (entries > options_.max_settings) return fail(ErrorCode::kEnhanceYourCalm, "too many entries in SETTINGS");
  if (!glitch(1 + static_cast<std::int32_t>(entries))) return;
  if (head.has(kAck)) {
    settings_acknowledged_ = true;
    return;
  }
  settings_taken_ = true;
  for (std::size_t at = 0; at < payload.size(); at += kSettingBytes) {
    Setting setting;
    if (const auto fault = read_setting(payload.data() + at, setting)) return fail(fault.code, fault.why);
    if (!apply(setting)) return;
  }
  if (auto* out = append_control(kFrameHeadBytes)) write_frame_head(out, 0, FrameType::kSettings, kAck, 0);
  if (!closed_) drain();
  if (!closed_ && role_ == Role::kClient) static_cast<ClientSession*>(this)->take_settings_of_server();
}

bool Session::apply(const Setting& setting) {
  if (setting.is(SettingId::kInitialWindowSize)) return change_peer_window(setting.value);
  if (setting.is(SettingId::kEnablePush) && setting.value != 0 && role_ == Role::kClient) {
    fail(ErrorCode::kProtocolError, "SETTINGS_ENABLE_PUSH of a server");
    return false;
  }
  if (setting.is(SettingId::kMaxConcurrentStreams)) peer_max_streams_ = setting.value;
  if (setting.is(SettingId::kMaxHeaderListSize)) peer_max_header_list_ = setting.value;
  // Our encoder has no table, but the peer has to be told that it has become smaller (RFC 7541, 4.2).
  if (setting.is(SettingId::kHeaderTableSize) && setting.value < DynamicTable::kMaxBytes && !table_size_told_) {
    table_update_owed_ = true;
    handler_.on_limits_lowered();
  }
  return true;
}

/// Changes the windows of all streams, which may make them negative. Each of those that wait may write a frame then.
bool Session::change_peer_window(std::uint32_t window) {
  if (!glitch(static_cast<std::int32_t>(streams_.size() / kStreamsPerGlitch))) return false;
  const std::int64_t change = static_cast<std::int64_t>(window) - peer_window_;
  peer_window_ = window;
  if (change < 0) handler_.on_limits_lowered();
  bool fits = true;
  streams_.each([&](Stream& stream) {
    const std::int64_t changed = stream.send_window_ + change;
    fits = fits && changed <= kMaxWindow;
    stream.send_window_ = static_cast<std::int32_t>(std::min<std::int64_t>(changed, kMaxWindow));
    if (stream.send_window_ > 0) {
      mark_ready(stream);
    } else {
      static_cast<ReadyLink&>(stream).unlink();
    }
  });
  if (!fits) fail(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes a stream's window over 2^31-1");
  return fits;
}

void Session::take_ping(const FrameHead& head, ByteSpan payload) {
  if (head.has(kAck) && pings_unanswered_ > 0) {
    // We have asked for this acknowledgement: a stream is measured in every round trip.
    --pings_unanswered_;
    if (std::memcmp(payload.data(), WindowMeter::kPing.data(), kPingDataBytes) == 0) return take_window_ack();
    return take_ping_ack(payload);
  }
  if (!glitch()) return;
  if (head.has(kAck)) return take_ping_ack(payload);
  if (is_ping_strike()) return fail(ErrorCode::kEnhanceYourCalm, "too_many_pings");
  if (auto* out = append_control(kPingBytes)) write_ping(out, payload.data(), true);
}

bool Session::is_ping_strike() {
  if (options_.min_ping_interval.count() == 0) return false;
  const auto last = last_ping_;
  last_ping_ = now_;
  if (sent_since_ping_) {
    sent_since_ping_ = false;
    ping_strikes_ = 0;
    return false;
  }
  const auto interval = streams_.size() > 0 ? options_.min_ping_interval : options_.min_idle_ping_interval;
  return last && now_ - *last < interval.count() && ++ping_strikes_ > kMaxPingStrikes;
}

bool Session::glitch(std::int32_t cost) {
  if (glitches_.take(cost, options_.glitches, now_)) return true;
  fail(ErrorCode::kEnhanceYourCalm, "too many frames that say little");
  return false;
}

/// Null if the peer does not read the frames that it makes us send; the connection has failed then.
std::uint8_t* Session::append_control(std::size_t size) {
  if (closed_) return nullptr;
  if (sink_.written_total() >= control_mark_) {
    control_frames_ = 0;
    most_control_frames_ = options_.max_control_frames;
    control_mark_ = sink_.appended_total() + size;
  }
  // All streams may have a frame in one turn, and frames are written at its end. Streams of a client may have ended by
  // then.
  const std::uint32_t streams = role_ == Role::kServer ? options_.max_streams : held_;
  most_control_frames_ = std::max(most_control_frames_, 2 * streams);
  if (++control_frames_ > most_control_frames_) {
    fail(ErrorCode::kEnhanceYourCalm, "answers to control frames are not read");
    return nullptr;
  }
  return sink_.append(size);
}

/// Half of the connection's window is always free, and a frame is smaller than that, so the window cannot be exceeded
/// here.
void Session::give_back(std::size_t bytes) {
  received_ += static_cast<std::uint32_t>(bytes);
  if (received_ < connection_window_ / 2) return;
  if (auto* out = append_control(kWindowUpdateBytes)) write_window_update(out, 0, received_);
  given_back_ += received_;
  received_ = 0;
  sent_since_ping_ = true;
}

/// The connection's window is to be no smaller than that of a stream.
void Session::take_window_ack() {
  meter_.end(received_total(), now_);
  const std::uint32_t wanted = meter_.wanted();
  if (wanted <= connection_window_) return;
  auto* const out = append_control(kWindowUpdateBytes);
  if (out == nullptr) return;
  write_window_update(out, 0, wanted - connection_window_);
  connection_window_ = wanted;
}

void Session::send_ping(const std::uint8_t* data) {
  if (closed_) return;
  write_ping(sink_.append(kPingBytes), data, false);
  ++pings_unanswered_;
}

void Session::write_goaway_frame(std::uint32_t last, ErrorCode code, std::string_view text) {
  write_goaway(sink_.append(goaway_bytes(text)), last, code, text);
}

void Session::note_drained() {
  if (closed_ || shutdown_ != Shutdown::kFinished || streams_.size() > 0) return;
  shutdown_ = Shutdown::kDrained;
  handler_.on_drained();
}

void Session::fail(ErrorCode code, const char* why) {
  if (closed_) return;
  closed_ = true;
  write_goaway_frame(std::min(last_stream_, goaway_last_), code, why);
  handler_.on_connection_error(code, why);
}

}  // namespace rocket::h2
