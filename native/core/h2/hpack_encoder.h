#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rocket::h2 {

// A stateless encoder (RFC 7541): it uses entries of the static table, and literals that enter no table, so it has no
// state to keep or to guard. Names must be in lower case. Each writer returns the end of the written bytes.

/// The most bytes that a string, or a whole literal, takes besides its text.
inline constexpr std::size_t kMaxIntegerBytes = 6;

inline constexpr std::size_t literal_bound(std::string_view name, std::string_view value) {
  return 1 + 2 * kMaxIntegerBytes + name.size() + value.size();
}

/// Writes `value` into the bits of `mask` of one byte, whose other bits are `high`, and into as many further bytes as
/// needed.
inline std::uint8_t* write_integer(std::uint8_t* out, std::uint8_t high, std::uint8_t mask, std::size_t value) {
  if (value < mask) {
    *out++ = static_cast<std::uint8_t>(high | value);
    return out;
  }
  *out++ = high | mask;
  for (value -= mask; value >= 0x80; value >>= 7) *out++ = static_cast<std::uint8_t>(value | 0x80);
  *out++ = static_cast<std::uint8_t>(value);
  return out;
}

inline std::uint8_t* write_string(std::uint8_t* out, std::string_view text) {
  out = write_integer(out, 0, 0x7f, text.size());
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

/// A whole field of the static table.
inline std::uint8_t* write_indexed(std::uint8_t* out, std::uint8_t index) {
  *out++ = 0x80 | index;
  return out;
}

enum class Indexing : std::uint8_t {
  kWithout = 0x00,
  kNever = 0x10,  ///< for secrets: a proxy must not keep it in a table either
};

/// A value for the name at `name_index` of the static table.
inline std::uint8_t* write_literal(std::uint8_t* out, std::uint8_t name_index, std::string_view value,
                                   Indexing indexing = Indexing::kWithout) {
  out = write_integer(out, static_cast<std::uint8_t>(indexing), 0x0f, name_index);
  return write_string(out, value);
}

inline std::uint8_t* write_literal(std::uint8_t* out, std::string_view name, std::string_view value,
                                   Indexing indexing = Indexing::kWithout) {
  *out++ = static_cast<std::uint8_t>(indexing);
  out = write_string(out, name);
  return write_string(out, value);
}

}  // namespace rocket::h2
