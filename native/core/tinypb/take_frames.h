#pragma once

#include <algorithm>

#include "io/connection.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

/// A frame over the limit by at most this much is skipped; a longer one is not treated as a frame.
inline constexpr std::size_t kMostOverLimit = std::size_t{256} << 20;

/// Walks the frames at the front of `bytes` while `ready()`: each whole one goes to `take(frame)`, which returns false
/// to be offered it again later; one over the limit to `too_long(start, length)` as soon as its names are there, and is
/// skipped; one whose length is wrong ends the walk after `refuse(error)`.
template <typename Ready, typename Take, typename TooLong, typename Refuse>
io::ConnectionHandler::Taken take_frames(ByteSpan bytes, std::size_t max_frame_bytes, Ready ready, Take take,
                                         TooLong too_long, Refuse refuse) {
  io::ConnectionHandler::Taken taken;
  while (ready()) {
    const auto rest = bytes.subspan(taken.consumed);
    const auto length = peek_length(rest, max_frame_bytes);
    taken.frame_bytes = length.bytes;
    if (length.error == DecodeError::kFrameTooLong && length.bytes - max_frame_bytes <= kMostOverLimit) {
      const auto start = peek_start(rest, length.bytes);
      if (start.error != DecodeError::kNone) {
        refuse(start.error);
        break;
      }
      taken.frame_bytes = start.bytes;
      if (rest.size() < start.bytes) break;
      too_long(start, length.bytes);
      const std::size_t here = std::min(rest.size(), length.bytes);
      taken.consumed += here;
      taken.frame_bytes = 0;
      taken.skip_bytes = length.bytes - here;
      if (taken.skip_bytes > 0) break;
      continue;
    }
    if (length.error != DecodeError::kNone) {
      refuse(length.error);
      break;
    }
    if (length.bytes == 0 || rest.size() < length.bytes) break;
    if (!take(rest.first(length.bytes))) break;
    taken.consumed += length.bytes;
    taken.frame_bytes = 0;
  }
  return taken;
}

/// Sets the frame timeout after `offered` bytes: it runs while a frame is incomplete, and each complete frame restarts
/// it.
inline void expect_rest(io::Connection& connection, const io::ConnectionHandler::Taken& taken, std::size_t offered,
                        Millis frame_timeout) {
  if (taken.consumed == offered && taken.skip_bytes == 0) {
    connection.expect_nothing();
  } else if (taken.consumed > 0 || !connection.expects_progress()) {
    connection.expect_progress(frame_timeout, io::CloseReason::kFrameTimeout);
  }
}

}  // namespace rocket::tinypb
