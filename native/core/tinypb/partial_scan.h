#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

// C++ rocket looks for frames in whatever has arrived: at every 0x02 it reads the next four bytes as a length, and
// takes what they span for a frame if it ends in 0x03. In a whole frame the first 0x02 is the right one. While a frame
// is still arriving, one of its own bytes may be taken for a start: `03 02 00 00 00 00` is then a frame of no length,
// which is read again and again for ever, and a longer one is parsed without any check of its fields. No field that we
// choose may look like that, whatever stands beside it. What is wholly inside a body is the user's.

/// The longest time not over `left_ms` (at least 1) whose four bytes, before a length and behind a method name, never
/// make `03 02 00`, which is where it begins to go wrong when a segment ends there.
std::int32_t safe_time_left(std::int32_t left_ms);

enum class Cut : bool {
  kAsSent,    ///< what the bytes of the frame say
  kAnywhere,  ///< and what they say when a segment ends inside a length and zeros lie behind it
};

/// False when no field of ours in this frame, which has no checksum, holds a byte at which C++ rocket would look for
/// another; it is then not misread. Saves most replies misread_while_partial() and a prefix to look at.
bool holds_start_byte(const FrameHead& head, ByteSpan body);

/// Whether C++ rocket may take a part of this frame, which touches a field of ours, for a frame.
bool misread_while_partial(ByteSpan prefix, ByteSpan body, std::uint32_t checksum, Cut cut);

}  // namespace rocket::tinypb
