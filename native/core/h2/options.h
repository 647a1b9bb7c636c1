#pragma once

#include <cstdint>

#include "base/clock.h"
#include "h2/field.h"
#include "h2/protocol.h"
#include "h2/token_bucket.h"

namespace rocket::h2 {

/// The settings that all sessions of a server, or of a client's endpoint, share. Read only; they outlive the sessions.
struct Options {
  TagOf tag_of = nullptr;

  /// Concurrent streams. A server also counts streams that the peer has ended or reset and the application has not
  /// released; one more is refused with REFUSED_STREAM. A client opens at most this many, even if its server allows
  /// more.
  std::uint32_t max_streams = 250;
  /// The receive window of each stream: the bytes that a peer may send before consume() gives them back. At least
  /// 65,535.
  std::uint32_t stream_window = kDefaultWindow;
  /// Windows grow up to this when they are given back, if the data that arrives in a round trip needs it. 0: they do
  /// not grow.
  std::uint32_t max_window = 0;
  /// The most bytes by which the windows of all open streams together may have grown.
  std::size_t max_growth = 64 * 1024 * 1024;
  /// The receive window of the connection. At least 65,535. It is given back as data arrives, so that a slow stream
  /// does not hold up the others.
  std::uint32_t connection_window = 1024 * 1024;
  /// The limit for a decoded header list, with 32 bytes more for each field. A request over it is delivered as
  /// `too_large`; four times as much ends the connection.
  std::uint32_t max_header_list_bytes = 8192;
  /// Bytes that may wait in one stream for the peer's windows. More are accepted only while fewer wait.
  std::size_t max_stream_queue_bytes = 1024 * 1024;

  // Exceeding any of these ends the connection with ENHANCE_YOUR_CALM.
  std::uint32_t max_continuations = 8;
  std::uint32_t max_settings = 32;  ///< entries of one frame
  /// Our frames that the peer has made us send and has not read: acknowledgements, resets, window updates. At least two
  /// for each stream.
  std::uint32_t max_control_frames = 1000;
  /// Streams that the peer resets, and those that it makes us reset. A completed call gives one back.
  Allowance resets{.burst = 1000, .per_second = 33};
  /// Frames that cost time and carry little: PRIORITY, PING, SETTINGS, WINDOW_UPDATE, empty DATA, unknown ones. Opening
  /// a stream and each DATA frame of ours give some back.
  Allowance glitches{.burst = 10000, .per_second = 330};
  /// A peer's PINGs closer than this are strikes, unless we have sent DATA, HEADERS or WINDOW_UPDATE since; the third
  /// ends the connection (`too_many_pings`). 0: they are not counted.
  Millis min_ping_interval{300'000};
  /// The same while no stream is open.
  Millis min_idle_ping_interval{7'200'000};

  /// The last stream id that a client uses; then it needs another connection.
  std::uint32_t last_id = kMaxStreamId;
};

}  // namespace rocket::h2
