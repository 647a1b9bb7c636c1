#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace rocket::tinypb {

// A TinyPB frame; integers are 32 bits, big-endian, signed (C++ rocket: net/coder/tinypb_coder.cc).
//
//   0x02 | pk_len | msg_id_len msg_id | method_len method | err_code | err_info_len err_info | body | checksum | 0x03
inline constexpr std::uint8_t kStartByte = 0x02;
inline constexpr std::uint8_t kEndByte = 0x03;
/// Bytes of a frame whose four variable fields are empty.
inline constexpr std::size_t kFrameOverhead = 26;
inline constexpr std::size_t kLengthEnd = 5;
inline constexpr std::size_t kSuffixBytes = 5;
inline constexpr std::size_t kPrefixFixedBytes = kFrameOverhead - kSuffixBytes;
static_assert(kPrefixFixedBytes == 1 + 4 + 4 + 4 + 4 + 4);
/// The value that the C++ encoder writes instead of a checksum.
inline constexpr std::uint32_t kNoChecksum = 1;

// The sizes that a C++ rocket peer can accept without overrunning its stack buffer. Its limit for msg_id is kept in
// lib/rpc/channel-calls.ts, that for method in lib/rpc/method-numbers.ts, where each is first known.
inline constexpr std::size_t kOldPeerErrInfoBytes = 511;

enum class DecodeError : std::uint8_t {
  kNone,
  kBadStartByte,
  kFrameTooShort,
  kFrameTooLong,
  kBadFieldLength,
  kBadEndByte,
  kBadChecksum,
};
inline constexpr std::size_t kDecodeErrorCount = 7;
/// The name used in stats, logs and golden vectors, such as `bad_start_byte`.
const char* name_of(DecodeError error);

/// A decoded frame; every field points into the decoded bytes.
struct FrameView {
  std::string_view msg_id;
  std::string_view method;
  std::int32_t err_code = 0;
  std::string_view err_info;
  ByteSpan body;
  std::uint32_t checksum = kNoChecksum;
};

struct FrameLength {
  /// Bytes of the whole frame; 0 while `head` is too short to know, or if `error` says that it is not a frame.
  std::size_t bytes = 0;
  DecodeError error = DecodeError::kNone;
};

/// Reads the length of the frame that begins at `head`, from as few bytes as possible, so that a bad or oversized frame
/// is refused before any of it is buffered.
FrameLength peek_length(ByteSpan head, std::size_t max_frame_bytes);

/// No C++ rocket peer can send a msg_id over 99 or a method over 511 bytes; anything far over these is an attack on our
/// memory, because both are kept as long as the call.
inline constexpr std::size_t kMaxNameBytes = 4096;

/// The part of a frame needed to answer it without reading all of it.
struct FrameStart {
  /// Number of bytes of the frame needed to read more; the names are known once that many have arrived.
  std::size_t bytes = 0;
  DecodeError error = DecodeError::kNone;
  std::string_view msg_id;
  std::string_view method;
};

/// Reads the names of a frame of `frame_bytes` from its beginning, from as few bytes as possible.
FrameStart peek_start(ByteSpan begun, std::size_t frame_bytes);

/// Decodes exactly one whole frame (`frame.size()` is what peek_length said) and verifies its checksum unless it is 1.
DecodeError decode(ByteSpan frame, FrameView& out);

/// The fields of a frame before its body.
struct FrameHead {
  std::string_view msg_id;
  std::string_view method;
  std::int32_t err_code = 0;
  std::string_view err_info;
};

std::size_t frame_bytes(const FrameHead& head, std::size_t body_bytes);
/// Writes everything before the body; returns the bytes written: frame_bytes() - body_bytes - kSuffixBytes.
std::size_t write_prefix(std::uint8_t* out, const FrameHead& head, std::size_t body_bytes);
void write_suffix(std::uint8_t* out, std::uint32_t checksum);
/// Writes a whole frame of frame_bytes() bytes.
void encode(std::uint8_t* out, const FrameHead& head, ByteSpan body, bool with_checksum);

}  // namespace rocket::tinypb
