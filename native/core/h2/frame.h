#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "h2/protocol.h"

namespace rocket::h2 {

//   length(24) | type(8) | flags(8) | reserved(1) stream(31) | payload
inline constexpr std::size_t kFrameHeadBytes = 9;

struct FrameHead {
  std::uint32_t length = 0;  ///< of the payload
  std::uint8_t type = 0;     ///< a FrameType, or an unknown one, which is ignored
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;

  bool is(FrameType wanted) const { return type == static_cast<std::uint8_t>(wanted); }
  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  std::size_t frame_bytes() const { return kFrameHeadBytes + length; }
};

/// An error in the peer's input. It ends the stream (`of_stream`) or the connection.
struct Fault {
  ErrorCode code = ErrorCode::kNoError;
  bool of_stream = false;
  const char* why = "";

  explicit operator bool() const { return code != ErrorCode::kNoError; }
};

/// `at` has kFrameHeadBytes. The reserved bit is ignored, as RFC 9113 (4.1) requires.
inline FrameHead read_frame_head(const std::uint8_t* at) {
  return {.length = load_be32(at) >> 8, .type = at[3], .flags = at[4], .stream = load_be32(at + 5) & kMaxStreamId};
}

/// Checks what the head of a frame alone shows: whether its length and stream fit its type. The lengths that
/// PADDED and PRIORITY require are checked by the readers of payloads.
Fault check_frame_head(const FrameHead& head, std::uint32_t max_frame_bytes);

// Readers of payloads. `payload` has head.length bytes, and check_frame_head() has found no fault.

/// The bytes of a DATA frame without its padding.
Fault read_data(const FrameHead& head, ByteSpan payload, ByteSpan& data);
/// The part of a header block in a HEADERS frame without padding and priority.
Fault read_headers(const FrameHead& head, ByteSpan payload, ByteSpan& block);
Fault read_priority(const FrameHead& head, ByteSpan payload);

inline ErrorCode read_rst_stream(ByteSpan payload) { return static_cast<ErrorCode>(load_be32(payload.data())); }

struct Setting {
  std::uint16_t id;
  std::uint32_t value;

  bool is(SettingId wanted) const { return id == static_cast<std::uint16_t>(wanted); }
};
inline constexpr std::size_t kSettingBytes = 6;
/// The entry at `at`, whose value is checked if RFC 9113 (6.5.2) limits it.
Fault read_setting(const std::uint8_t* at, Setting& out);

struct Goaway {
  std::uint32_t last_stream = 0;
  ErrorCode code = ErrorCode::kNoError;
  std::string_view text;  ///< debug data, not necessarily text; inside the payload
};
Goaway read_goaway(ByteSpan payload);

/// An increment of 0 is a fault.
Fault read_window_update(const FrameHead& head, ByteSpan payload, std::uint32_t& increment);

// Writers. Each returns the end of the written bytes.

inline std::uint8_t* write_frame_head(std::uint8_t* out, std::size_t length, FrameType type, std::uint8_t flags,
                                      std::uint32_t stream) {
  store_be32(out, static_cast<std::uint32_t>(length) << 8 | static_cast<std::uint8_t>(type));
  out[4] = flags;
  store_be32(out + 5, stream);
  return out + kFrameHeadBytes;
}

inline constexpr std::size_t kRstStreamBytes = kFrameHeadBytes + 4;
std::uint8_t* write_rst_stream(std::uint8_t* out, std::uint32_t stream, ErrorCode code);

inline constexpr std::size_t kWindowUpdateBytes = kFrameHeadBytes + 4;
std::uint8_t* write_window_update(std::uint8_t* out, std::uint32_t stream, std::uint32_t increment);

inline constexpr std::size_t kPingDataBytes = 8;
inline constexpr std::size_t kPingBytes = kFrameHeadBytes + kPingDataBytes;
/// `data` has kPingDataBytes.
std::uint8_t* write_ping(std::uint8_t* out, const std::uint8_t* data, bool ack);

inline constexpr std::size_t goaway_bytes(std::string_view text) { return kFrameHeadBytes + 8 + text.size(); }
std::uint8_t* write_goaway(std::uint8_t* out, std::uint32_t last_stream, ErrorCode code, std::string_view text);

std::uint8_t* write_setting(std::uint8_t* out, SettingId id, std::uint32_t value);

}  // namespace rocket::h2
