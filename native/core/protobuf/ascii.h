#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace rocket::protobuf {

/// Positions of strings in a message. Those past the first kMost, and those too short to matter, are left out.
class StringSpans {
 public:
  struct Span {
    std::uint32_t at;
    std::uint32_t size;
  };
  static constexpr std::size_t kMost = 8;
  static constexpr std::uint32_t kLeastBytes = 2;

  void add(std::uint32_t at, std::uint32_t size) {
    if (size >= kLeastBytes && count_ < kMost) spans_[count_++] = {at, size};
  }
  std::span<const Span> all() const { return {spans_.data(), count_}; }

 private:
  std::array<Span, kMost> spans_;
  std::size_t count_ = 0;
};

/// True when `message` is a protobuf message (https://protobuf.dev/programming-guides/encoding/) all of whose
/// length-delimited fields, so all its strings, hold ASCII only. False also if that is not known: for groups,
/// malformed bytes, and packed numbers or nested messages with a byte over 127. Reads each byte about once. Notes in
/// `strings` those fields of the message itself whose bit is set in `string_fields` (bit n: field n).
bool text_is_ascii(ByteSpan message, std::uint32_t string_fields, StringSpans& strings);

}  // namespace rocket::protobuf
