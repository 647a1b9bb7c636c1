#include "h2/frame.h"

#include <cstring>

namespace rocket::h2 {

namespace {

constexpr Fault connection(ErrorCode code, const char* why) { return {code, false, why}; }
constexpr Fault stream(ErrorCode code, const char* why) { return {code, true, why}; }

Fault on_a_stream(const FrameHead& head, const char* why) {
  return head.stream == 0 ? connection(ErrorCode::kProtocolError, why) : Fault{};
}

Fault on_the_connection(const FrameHead& head, const char* why) {
  return head.stream != 0 ? connection(ErrorCode::kProtocolError, why) : Fault{};
}

Fault of_size(const FrameHead& head, std::uint32_t size, const char* why) {
  return head.length != size ? connection(ErrorCode::kFrameSizeError, why) : Fault{};
}

/// Removes the padding and its length byte from `payload`.
Fault take_padding(const FrameHead& head, ByteSpan& payload) {
  if (!head.has(kPadded)) return {};
  if (payload.empty()) return connection(ErrorCode::kFrameSizeError, "padded frame without a pad length");
  const std::size_t padding = payload[0];
  payload = payload.subspan(1);
  if (padding > payload.size()) return connection(ErrorCode::kProtocolError, "padding longer than its frame");
  payload = payload.first(payload.size() - padding);
  return {};
}

}  // namespace

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNoError: return "NO_ERROR";
    case ErrorCode::kProtocolError: return "PROTOCOL_ERROR";
    case ErrorCode::kInternalError: return "INTERNAL_ERROR";
    case ErrorCode::kFlowControlError: return "FLOW_CONTROL_ERROR";
    case ErrorCode::kSettingsTimeout: return "SETTINGS_TIMEOUT";
    case ErrorCode::kStreamClosed: return "STREAM_CLOSED";
    case ErrorCode::kFrameSizeError: return "FRAME_SIZE_ERROR";
    case ErrorCode::kRefusedStream: return "REFUSED_STREAM";
    case ErrorCode::kCancel: return "CANCEL";
    case ErrorCode::kCompressionError: return "COMPRESSION_ERROR";
    case ErrorCode::kConnectError: return "CONNECT_ERROR";
    case ErrorCode::kEnhanceYourCalm: return "ENHANCE_YOUR_CALM";
    case ErrorCode::kInadequateSecurity: return "INADEQUATE_SECURITY";
    case ErrorCode::kHttp11Required: return "HTTP_1_1_REQUIRED";
  }
  return "UNKNOWN";
}

Fault check_frame_head(const FrameHead& head, std::uint32_t max_frame_bytes) {
  if (head.length > max_frame_bytes)
    return connection(ErrorCode::kFrameSizeError, "frame over SETTINGS_MAX_FRAME_SIZE");
  if (head.type > static_cast<std::uint8_t>(FrameType::kContinuation)) return {};
  switch (static_cast<FrameType>(head.type)) {
    case FrameType::kData: return on_a_stream(head, "DATA on stream 0");
    case FrameType::kHeaders: return on_a_stream(head, "HEADERS on stream 0");
    case FrameType::kContinuation: return on_a_stream(head, "CONTINUATION on stream 0");
    case FrameType::kPushPromise: return on_a_stream(head, "PUSH_PROMISE on stream 0");
    case FrameType::kPriority:
      if (const auto fault = on_a_stream(head, "PRIORITY on stream 0")) return fault;
      if (head.length != 5) return stream(ErrorCode::kFrameSizeError, "PRIORITY is not 5 bytes");
      return {};
    case FrameType::kRstStream:
      if (const auto fault = on_a_stream(head, "RST_STREAM on stream 0")) return fault;
      return of_size(head, 4, "RST_STREAM is not 4 bytes");
    case FrameType::kSettings:
      if (const auto fault = on_the_connection(head, "SETTINGS on a stream")) return fault;
      if (head.has(kAck)) return of_size(head, 0, "SETTINGS acknowledgement with entries");
      if (head.length % kSettingBytes != 0)
        return connection(ErrorCode::kFrameSizeError, "SETTINGS is not a multiple of 6 bytes");
      return {};
    case FrameType::kPing:
      if (const auto fault = on_the_connection(head, "PING on a stream")) return fault;
      return of_size(head, kPingDataBytes, "PING is not 8 bytes");
    case FrameType::kGoaway:
      if (const auto fault = on_the_connection(head, "GOAWAY on a stream")) return fault;
      if (head.length < 8) return connection(ErrorCode::kFrameSizeError, "GOAWAY is under 8 bytes");
      return {};
    case FrameType::kWindowUpdate: return of_size(head, 4, "WINDOW_UPDATE is not 4 bytes");
  }
  return {};
}

Fault read_data(const FrameHead& head, ByteSpan payload, ByteSpan& data) {
  data = payload;
  return take_padding(head, data);
}

Fault read_headers(const FrameHead& head, ByteSpan payload, ByteSpan& block) {
  block = payload;
  if (const auto fault = take_padding(head, block)) return fault;
  if (!head.has(kHasPriority)) return {};
  if (block.size() < 5) return connection(ErrorCode::kFrameSizeError, "HEADERS too short for its priority");
  const std::uint32_t parent = load_be32(block.data()) & kMaxStreamId;
  block = block.subspan(5);
  if (parent == head.stream) return stream(ErrorCode::kProtocolError, "stream that depends on itself");
  return {};
}

Fault read_priority(const FrameHead& head, ByteSpan payload) {
  const std::uint32_t parent = load_be32(payload.data()) & kMaxStreamId;
  if (parent == head.stream) return stream(ErrorCode::kProtocolError, "stream that depends on itself");
  return {};
}

Fault read_setting(const std::uint8_t* at, Setting& out) {
  out = {.id = static_cast<std::uint16_t>(at[0] << 8 | at[1]), .value = load_be32(at + 2)};
  if (out.is(SettingId::kEnablePush) && out.value > 1)
    return connection(ErrorCode::kProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1");
  if (out.is(SettingId::kInitialWindowSize) && out.value > kMaxWindow)
    return connection(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE over 2^31-1");
  if (out.is(SettingId::kMaxFrameSize) && (out.value < kDefaultMaxFrameBytes || out.value > kMostMaxFrameBytes))
    return connection(ErrorCode::kProtocolError, "SETTINGS_MAX_FRAME_SIZE out of range");
  return {};
}

Goaway read_goaway(ByteSpan payload) {
  return {.last_stream = load_be32(payload.data()) & kMaxStreamId,
          .code = static_cast<ErrorCode>(load_be32(payload.data() + 4)),
          .text = as_text(payload.subspan(8))};
}

Fault read_window_update(const FrameHead& head, ByteSpan payload, std::uint32_t& increment) {
  increment = load_be32(payload.data()) & kMaxWindow;
  if (increment > 0) return {};
  return {ErrorCode::kProtocolError, head.stream != 0, "WINDOW_UPDATE by 0"};
}

std::uint8_t* write_rst_stream(std::uint8_t* out, std::uint32_t stream, ErrorCode code) {
  out = write_frame_head(out, 4, FrameType::kRstStream, 0, stream);
  store_be32(out, static_cast<std::uint32_t>(code));
  return out + 4;
}

std::uint8_t* write_window_update(std::uint8_t* out, std::uint32_t stream, std::uint32_t increment) {
  out = write_frame_head(out, 4, FrameType::kWindowUpdate, 0, stream);
  store_be32(out, increment);
  return out + 4;
}

std::uint8_t* write_ping(std::uint8_t* out, const std::uint8_t* data, bool ack) {
  out = write_frame_head(out, kPingDataBytes, FrameType::kPing, ack ? kAck : 0, 0);
  std::memcpy(out, data, kPingDataBytes);
  return out + kPingDataBytes;
}

std::uint8_t* write_goaway(std::uint8_t* out, std::uint32_t last_stream, ErrorCode code, std::string_view text) {
  out = write_frame_head(out, 8 + text.size(), FrameType::kGoaway, 0, 0);
  store_be32(out, last_stream);
  store_be32(out + 4, static_cast<std::uint32_t>(code));
  if (!text.empty()) std::memcpy(out + 8, text.data(), text.size());
  return out + 8 + text.size();
}

std::uint8_t* write_setting(std::uint8_t* out, SettingId id, std::uint32_t value) {
  out[0] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(id) >> 8);
  out[1] = static_cast<std::uint8_t>(id);
  store_be32(out + 2, value);
  return out + kSettingBytes;
}

}  // namespace rocket::h2
