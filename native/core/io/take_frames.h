#pragma once

#include "io/connection.h"
#include "wire/frame.h"

namespace rocket::io {

/// Walks the frames at the front of `bytes` while `ready()`: each whole one goes to `take(frame)`, which returns false
/// to be offered it again later; one whose length is wrong ends the walk after `refuse(error)`.
template <typename Ready, typename Take, typename Refuse>
ConnectionHandler::Taken take_frames(ByteSpan bytes, std::size_t max_frame_bytes, Ready ready, Take take,
                                     Refuse refuse) {
  ConnectionHandler::Taken taken;
  while (ready()) {
    const auto rest = bytes.subspan(taken.consumed);
    const auto length = wire::peek_length(rest, max_frame_bytes);
    if (length.error != wire::DecodeError::kNone) {
      refuse(length.error);
      break;
    }
    taken.frame_bytes = length.bytes;
    if (length.bytes == 0 || rest.size() < length.bytes) break;
    if (!take(rest.first(length.bytes))) break;
    taken.consumed += length.bytes;
    taken.frame_bytes = 0;
  }
  return taken;
}

}  // namespace rocket::io
