#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace rocket::grpc {

/// `:status 200` and the content type: the start of every reply to a call. Also all its headers if there is no
/// metadata.
inline constexpr std::string_view kReplyHeaders =
    "\x88\x0f\x10\x10"
    "application/grpc";
/// `grpc-status: 0`.
inline constexpr std::string_view kOkTrailers{
    "\x00\x0bgrpc-status\x01"
    "0",
    15};
/// Headers of replies to requests that are not gRPC; kNotGrpcText is their body.
inline constexpr std::string_view kNotPost =
    "\x08\x03"
    "405\x0f\x07\x04POST\x0f\x10\x0atext/plain";
inline constexpr std::string_view kNotGrpc =
    "\x08\x03"
    "415\x0f\x10\x0atext/plain";
inline constexpr std::string_view kNotGrpcText = "gRPC is spoken here: POST, with content-type application/grpc\n";

/// The end of a call as it is sent.
struct Trailers {
  std::uint8_t code = 0;
  std::string_view message;
  std::string_view metadata;  ///< in the NUL form
};

/// The longest `grpc-message`, encoded.
inline constexpr std::size_t kMaxMessageTextBytes = 8192;

/// Writes the header blocks of replies into memory that it reuses. A block is valid until the next is written. One
/// serves all sessions of a thread.
class ReplyBlocks {
 public:
  /// Empty if the metadata cannot be sent: failure() is then the error to end the call with. `most` is the peer's limit
  /// on a header list.
  ByteSpan headers(std::string_view metadata, std::size_t most);
  /// `only`: there were no headers, so they are included (Trailers-Only). If the metadata exceeds the peer's limit,
  /// a success becomes a failure; a failure first drops its details, then its metadata, then the end of its message.
  /// Details are sent only with the whole message, which they repeat: clients compare the two.
  ByteSpan trailers(const Trailers& trailers, std::size_t most, bool only);

  /// The parts that the last failure past a limit was sent without, for a log line; empty if none. Reading it clears
  /// it.
  std::string take_dropped() { return std::exchange(dropped_, {}); }

  /// Why headers() was empty; valid until it is called again.
  const Trailers& failure() const { return failure_; }

 private:
  bool accept(std::string_view metadata, std::size_t used, std::size_t most);
  void drop_details(Trailers& trailers, std::size_t used, std::size_t most);

  std::vector<std::uint8_t> bytes_;
  std::string why_;
  std::string dropped_;
  Trailers failure_;
};

}  // namespace rocket::grpc
