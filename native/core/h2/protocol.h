#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rocket::h2 {

/// The bytes a client sends before its first frame (RFC 9113, 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static_assert(kPreface.size() == 24);

enum class FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr std::uint8_t kAck = 0x1;  ///< SETTINGS, PING
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kHasPriority = 0x20;

/// RFC 9113, 7. A peer may send other codes.
enum class ErrorCode : std::uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kSettingsTimeout = 4,
  kStreamClosed = 5,
  kFrameSizeError = 6,
  kRefusedStream = 7,
  kCancel = 8,
  kCompressionError = 9,
  kConnectError = 10,
  kEnhanceYourCalm = 11,
  kInadequateSecurity = 12,
  kHttp11Required = 13,
};
/// Such as `PROTOCOL_ERROR`; `UNKNOWN` for a code that RFC 9113 does not have.
const char* name_of(ErrorCode code);

enum class SettingId : std::uint16_t {
  kHeaderTableSize = 1,
  kEnablePush = 2,
  kMaxConcurrentStreams = 3,
  kInitialWindowSize = 4,
  kMaxFrameSize = 5,
  kMaxHeaderListSize = 6,
};

inline constexpr std::uint32_t kDefaultWindow = 65535;
inline constexpr std::uint32_t kMaxWindow = 0x7fffffff;
inline constexpr std::uint32_t kDefaultMaxFrameBytes = 16384;
inline constexpr std::uint32_t kMostMaxFrameBytes = 16777215;
inline constexpr std::uint32_t kMaxStreamId = 0x7fffffff;

}  // namespace rocket::h2
