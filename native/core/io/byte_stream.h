#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace rocket::io {

/// Where a connection reads its bytes from and writes them to: its socket, or a layer over the socket such as TLS,
/// which has bytes of its own on the way in both directions and decides for itself when there is something to take.
///
/// Nothing here waits. Each call says what has to happen before the next one is worth it, and the connection, which
/// owns the socket and its waits, calls again then. Belongs to the connection's io thread.
class ByteStream {
 public:
  enum class Next : std::uint8_t {
    kAgain,     ///< there may be more at once
    kReadable,  ///< when more has come from the peer; for a layer's write: after a read, as in a handshake
    kWritable,  ///< when the kernel takes more
    kEnded,     ///< the peer has ended its side; said by reads alone, and without bytes
    kBroken,    ///< never: the connection is lost
  };
  struct Moved {
    std::size_t bytes = 0;
    Next next = Next::kAgain;
  };

  virtual ~ByteStream() = default;

  /// Reads into `into`, which is not empty, as far as it goes without waiting. A layer returns what it has decrypted as
  /// it comes, and kAgain while it holds more. What it has to write meanwhile it keeps (holds_output).
  virtual Moved read(std::span<std::uint8_t> into) = 0;
  /// Takes bytes from the front of `parts`. A layer first writes what it holds, then takes as much as it turns into one
  /// write to the socket: with no parts it writes only what it holds. What was taken is the layer's to deliver.
  virtual Moved write(std::span<const iovec> parts) = 0;
  /// No more is to be written. A layer that tells its peer so (TLS: close_notify) holds that from now on as output.
  virtual void shutdown() = 0;
  /// Whether another thread may write to the socket by itself while nothing is queued: then bytes leave as they are.
  /// Any thread; never changes once the connection has a call.
  virtual bool can_direct() const = 0;
  /// Bytes that came from the socket and were not yet returned by read(), so that no wait for the socket is due.
  virtual bool holds_input() const = 0;
  /// Something of its own, or that it has taken, is to be written: write() is due although nothing else is queued.
  virtual bool holds_output() const = 0;
};

}  // namespace rocket::io
