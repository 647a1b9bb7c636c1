#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tinypb/frame.h"

namespace rocket::test {

using Bytes = std::vector<std::uint8_t>;

Bytes make_frame(const tinypb::FrameHead& head, ByteSpan body, bool with_checksum = true);

/// A decoded frame that owns its fields.
struct Frame {
  std::string msg_id;
  std::string method;
  std::int32_t err_code = 0;
  std::string err_info;
  Bytes body;
  std::uint32_t checksum = 0;
};

/// A blocking socket that speaks as plainly as a test wants it to. Every wait ends after kPatience.
class RawPeer {
 public:
  /// Takes over a descriptor.
  explicit RawPeer(int fd);
  /// Connects to a numeric address; `receive_buffer` of 0 leaves the kernel's default.
  explicit RawPeer(std::string_view address, int receive_buffer = 0);
  RawPeer(RawPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), held_(std::move(other.held_)) {}
  ~RawPeer();

  int fd() const { return fd_; }
  /// False when the other side is gone.
  bool send(ByteSpan bytes);
  /// As many as are there, at least one; 0 at the end of the stream or after a reset.
  std::size_t receive(std::uint8_t* into, std::size_t most);
  /// The next whole frame, or nothing when the stream ended first or it does not decode.
  std::optional<Frame> read_frame();
  /// Reads to the end; true when the stream ended (cleanly or by reset), false when it is still open.
  bool read_to_end();
  void close();
  /// Closes with a RST in place of a FIN.
  void reset();

 private:
  int fd_ = -1;
  Bytes held_;
};

/// A connected pair: the first is non-blocking and for a Connection, the second for a RawPeer.
std::pair<int, int> socket_pair();

}  // namespace rocket::test
