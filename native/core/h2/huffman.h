#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace rocket::h2 {

/// Room that decoding `encoded` bytes may write: the shortest code has 5 bits, and two symbols are written at once.
constexpr std::size_t huffman_decoded_bound(std::size_t encoded) { return encoded * 8 / 5 + 2; }

/// Decodes a string (RFC 7541, 5.2) into `out`, which has huffman_decoded_bound() bytes; returns its length.
/// Nothing for a string that holds EOS, or whose padding is over 7 bits or not the beginning of EOS.
std::optional<std::size_t> decode_huffman(ByteSpan encoded, std::uint8_t* out);

}  // namespace rocket::h2
