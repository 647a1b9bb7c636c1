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

/// Takes messages out of the DATA of one stream, however it is split. A message that lies in one piece is not
/// copied; for any other, only the bytes that have arrived take memory.
class MessageReader {
 public:
  enum class Result : std::uint8_t {
    kNeedsMore,  ///< all of `data` is taken
    kMessage,
    kTooLarge,  ///< message_bytes() says how large; nothing of the stream can be read any more
    kBadFlag,   ///< the first byte of a message is neither 0 nor 1; likewise
    kNoMemory,  ///< likewise
  };
  struct Message {
    ByteSpan bytes;               ///< good until the next next(), and as long as `data`
    OwnedBytes* block = nullptr;  ///< that begins with `bytes`, and may be moved from; null: they lie in `data`
    bool compressed = false;
  };

  /// Takes from the front of `data` up to the end of the next message.
  Result next(ByteSpan& data, std::size_t max_message_bytes, Message& out);

  /// A message has begun and is not whole: the stream may not end here.
  bool in_message() const { return head_bytes_ > 0; }
  /// Of the message that has begun; 0 until its head has arrived.
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
