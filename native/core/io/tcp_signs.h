#pragma once

#include <cstddef>

#include "base/clock.h"

namespace rocket::io {

/// What the kernel knows about the other end of a socket, regardless of the process there.
struct TcpSigns {
  /// Bytes passed to the kernel and not acknowledged by the other end.
  std::size_t unacknowledged = 0;
  /// Whether the other fields are valid (Linux, TCP).
  bool known = false;
  /// Sent data has not been acknowledged yet.
  bool ack_due = false;
  Millis since_ack{0};
};

TcpSigns tcp_signs(int fd);

}  // namespace rocket::io
