#pragma once

#include <cstdint>

#include "base/clock.h"
#include "h2/field.h"
#include "h2/protocol.h"
#include "h2/token_bucket.h"

namespace rocket::h2 {

/// What all sessions of a server, or of a client's endpoint, share. Read only; outlives them.
struct Options {
  TagOf tag_of = nullptr;

  /// Streams at once. Of a server those included that the peer has ended or reset and the application has not let go;
  /// one more is refused with REFUSED_STREAM. A client opens at most so many, whatever its server allows.
  std::uint32_t max_streams = 250;
  /// Of each stream: what a peer may send before consume() gives it back. At least 65,535.
  std::uint32_t stream_window = kDefaultWindow;
  /// Windows grow up to this as they are given back, as far as what arrives in a round trip needs it. 0: they do not
  /// grow.
  std::uint32_t max_window = 0;
  /// By how much the windows of all open streams together may have grown.
  std::size_t max_growth = 64 * 1024 * 1024;
  /// Of the connection. At least 65,535. Given back as data arrives, so that a slow stream holds up nobody else.
  std::uint32_t connection_window = 1024 * 1024;
  /// Decoded, each field with 32 bytes more. A request over it is delivered as `too_large`; four times over it ends the
  /// connection.
  std::uint32_t max_header_list_bytes = 8192;
  /// Bytes that wait in one stream for the peer's windows. More are taken only while there are less.
  std::size_t max_stream_queue_bytes = 1024 * 1024;

  // Each of these ends the connection with ENHANCE_YOUR_CALM.
  std::uint32_t max_continuations = 8;
  std::uint32_t max_settings = 32;  ///< entries of one frame
  /// Answers of ours that the peer has not read: acknowledgements, resets, window updates. At least two a stream.
  std::uint32_t max_control_frames = 1000;
  /// Streams that the peer resets, and those that it makes us reset. A call that completes gives one back.
  Allowance resets{.burst = 1000, .per_second = 33};
  /// Frames that cost us and say little: PRIORITY, PING, SETTINGS, WINDOW_UPDATE, empty DATA, unknown ones. Opening a
  /// stream and each DATA frame of ours give some back.
  Allowance glitches{.burst = 10000, .per_second = 330};
  /// A peer's PINGs closer than this are strikes, unless we have sent DATA, HEADERS or WINDOW_UPDATE since; the third
  /// ends the connection (`too_many_pings`). 0: they are not counted.
  Millis min_ping_interval{300'000};
  /// The same while no stream is open.
  Millis min_idle_ping_interval{7'200'000};

  /// The last id that a client gives a stream; then it needs another connection.
  std::uint32_t last_id = kMaxStreamId;
};

}  // namespace rocket::h2
