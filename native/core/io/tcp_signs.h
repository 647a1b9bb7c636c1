#pragma once

#include <cstddef>

#include "base/clock.h"

namespace rocket::io {

/// What the kernel knows of the other end of a socket, whatever the process there does.
struct TcpSigns {
  /// Bytes it has been given and the other end has not acknowledged.
  std::size_t unacknowledged = 0;
  /// The rest is known (Linux, TCP).
  bool known = false;
  /// Something was sent to which an acknowledgement is due.
  bool ack_due = false;
  Millis since_ack{0};
};

TcpSigns tcp_signs(int fd);

}  // namespace rocket::io
