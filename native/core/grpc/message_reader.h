#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace rocket::grpc {

//   compressed(8) | length(32) | message
inline constexpr std::size_t kMessageHeadBytes = 5;

inline void write_message_head(std::uint8_t* out, std::size_t length, bool compressed) {
  out[0] = compressed ? 1 : 0;
  store_be32(out + 1, static_cast<std::uint32_t>(length));
}

/// Reads messages from the DATA of one stream, however it is split. A message in one piece is not copied; for any
/// other, only the bytes that have arrived take memory.
class MessageReader {
 public:
  enum class Result : std::uint8_t {
    kNeedsMore,  ///< all of `data` has been consumed
    kMessage,
    kTooLarge,  ///< message_bytes() is its size; the stream cannot be read further
    kBadFlag,   ///< the first byte of a message is neither 0 nor 1; likewise
    kNoMemory,  ///< likewise
  };
  struct Message {
    ByteSpan bytes;               ///< good until the next next(), and as long as `data`
    OwnedBytes* block = nullptr;  ///< memory of `bytes`, which may be moved; null: they are in `data`
    bool compressed = false;
  };

  /// Consumes `data` up to the end of the next message.
  Result next(ByteSpan& data, std::size_t max_message_bytes, Message& out);

  /// A message has begun and is incomplete, so the stream may not end here.
  bool in_message() const { return head_bytes_ > 0; }
  /// The size of the incomplete message; 0 until its head has arrived.
  std::size_t message_bytes() const { return head_bytes_ == kMessageHeadBytes ? load_be32(head_.data() + 1) : 0; }
  /// Memory in use.
  std::size_t held_bytes() const { return block_.size(); }
  /// Resets it. Keeps a small block for the next stream.
  void reset();

 private:
  static constexpr std::size_t kKeptBytes = 4096;
  static constexpr std::size_t kFirstBytes = 1024;

  bool make_room(std::size_t bytes, std::size_t whole);

  std::array<std::uint8_t, kMessageHeadBytes> head_{};
  std::size_t head_bytes_ = 0;
  OwnedBytes block_;
  std::size_t have_ = 0;  ///< of the message, in the block
};

}  // namespace rocket::grpc
