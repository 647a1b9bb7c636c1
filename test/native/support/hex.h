#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rocket::test {

using Bytes = std::vector<std::uint8_t>;

/// Bytes of hexadecimal digits; what is no digit separates.
inline Bytes hex(std::string_view digits) {
  Bytes bytes;
  int high = -1;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes text_bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace rocket::test
