#pragma once

#include <cstddef>
#include <string_view>

namespace rocket {

/// At most `bytes` of UTF-8 text, without half a character at its end.
inline std::string_view cut_utf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace rocket
