#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace rocket::grpc {

/// `:status 200` and the content type: what begins every reply of a call. Also the whole of it when there is no
/// metadata.
inline constexpr std::string_view kReplyHeaders =
    "\x88\x0f\x10\x10"
    "application/grpc";
/// `grpc-status: 0`.
inline constexpr std::string_view kOkTrailers{
    "\x00\x0bgrpc-status\x01"
    "0",
    15};
/// Replies without a body to what is no call of gRPC: with END_STREAM.
inline constexpr std::string_view kNotPost =
    "\x08\x03"
    "405\x0f\x07\x04POST";
inline constexpr std::string_view kNotGrpc =
    "\x08\x03"
    "415";

/// How a call ends, for the wire.
struct Trailers {
  std::uint8_t code = 0;
  std::string_view message;
  std::string_view metadata;  ///< in the NUL form
};

/// The longest `grpc-message`, encoded.
inline constexpr std::size_t kMaxMessageTextBytes = 8192;

/// Writes the header blocks of replies into memory that it uses again. A block is good until the next is written. One
/// serves all sessions of a thread.
class ReplyBlocks {
 public:
  /// Empty when the metadata cannot be sent: failure() then says what to end the call with. `most` is the peer's limit
  /// on a header list.
  ByteSpan headers(std::string_view metadata, std::size_t most);
  /// `only`: there were no headers, so that they come with it (Trailers-Only). What the peer's limit has no room for
  /// makes a success a failure; of a failure the metadata goes first, then the end of the message.
  ByteSpan trailers(const Trailers& trailers, std::size_t most, bool only);

  /// Why headers() was empty; good until the next call of it.
  const Trailers& failure() const { return failure_; }

 private:
  bool accept(std::string_view metadata, std::size_t used, std::size_t most);

  std::vector<std::uint8_t> bytes_;
  std::string why_;
  Trailers failure_;
};

}  // namespace rocket::grpc
