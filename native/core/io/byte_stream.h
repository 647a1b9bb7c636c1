#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/peer_identity.h"

namespace rocket::io {

/// The stream that a connection reads from and writes to: its socket, or a layer over the socket such as TLS, which
/// buffers bytes in both directions.
///
/// No call waits. Each returns what has to happen before the next call makes sense; the connection, which owns the
/// socket, waits for that. Belongs to the connection's io thread.
class ByteStream {
 public:
  enum class Next : std::uint8_t {
    kAgain,     ///< there may be more at once
    kReadable,  ///< when more has arrived; from a layer's write(): after a read(), as during a handshake
    kWritable,  ///< when the kernel accepts more
    kEnded,     ///< the peer has closed its sending side; only from read(), and without bytes
    kBroken,    ///< never: the connection is lost
    kInvalid,   ///< never: the peer broke the layer's rules, or one side refused the other; only from a layer
    kNextTurn,  ///< in another turn of the io thread, as its heavy work is used up; only from a layer's read()
  };
  struct Moved {
    std::size_t bytes = 0;
    Next next = Next::kAgain;
  };

  virtual ~ByteStream() = default;

  /// Reads into `into`, which is not empty. A layer may return its bytes in small pieces, with kAgain while it holds
  /// more. What it has to write because of a read it keeps (holds_output).
  virtual Moved read(std::span<std::uint8_t> into) = 0;
  /// Consumes bytes from the front of `parts`. A layer first writes the bytes that it holds; only when all of them are
  /// written does it accept more, at most as much as fits in one write to the socket. Without parts it only writes the
  /// bytes that it holds. Consumed bytes must not be passed again.
  virtual Moved write(std::span<const iovec> parts) = 0;
  /// Nothing more will be written. A layer that has to tell its peer (TLS: close_notify) then holds that as output.
  virtual void shutdown() = 0;
  /// Whether another thread may write to the socket while nothing is queued: true if bytes are sent unchanged. Called
  /// on any thread; must not change after the first call on the connection.
  virtual bool can_direct() const = 0;
  /// read() has something to return without the socket becoming readable.
  virtual bool holds_input() const = 0;
  /// write() has something to write even without parts.
  virtual bool holds_output() const = 0;
  /// Why it is kInvalid, for errors and logs.
  virtual std::string_view failure() const { return {}; }

  // any thread, once the layer has let the first bytes through:
  virtual PeerIdentity peer_identity() const { return {}; }
  /// DER; empty: there is none.
  virtual std::string peer_certificate() const { return {}; }
};

}  // namespace rocket::io
