#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

// C++ rocket scans all received bytes for frames: at every 0x02 it reads the next four bytes as a length, and treats
// the bytes they span as a frame if these end in 0x03. In a complete frame the first 0x02 is the right one. While a
// frame is still arriving, one of its own bytes may be taken for a start: `03 02 00 00 00 00` is then a frame of length
// zero, which is read in an endless loop, and a longer one is parsed without any check of its fields. No field that we
// choose may look like that, whatever bytes are next to it. Bytes completely inside a body belong to the user.

/// The longest time not over `left_ms` (at least 1) whose four bytes, before a length and behind a method name, never
/// make `03 02 00`, which is where it begins to go wrong when a segment ends there.
std::int32_t safe_time_left(std::int32_t left_ms);

enum class Cut : bool {
  kAsSent,    ///< the length in the bytes of the frame
  kAnywhere,  ///< and the length read if a segment ends inside it and zeros follow
};

/// Whether a name holds a byte at which C++ rocket would look for a frame.
bool holds_start_byte(std::string_view name);

/// False when no field of ours in this frame, which has no checksum, holds such a byte; it is then not misread. Saves
/// most replies misread_while_partial() and a prefix to look at. `method_holds`: what the other says of the method,
/// since a connection mostly calls one method again and again.
bool holds_start_byte(const FrameHead& head, ByteSpan body, bool method_holds);

/// Whether C++ rocket may mistake a part of this frame that touches one of our fields for a frame.
bool misread_while_partial(ByteSpan prefix, ByteSpan body, std::uint32_t checksum, Cut cut);

}  // namespace rocket::tinypb
