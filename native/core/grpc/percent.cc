#include "grpc/percent.h"

#include "base/utf8.h"

namespace rocket::grpc {

namespace {

constexpr std::size_t kEncodedBytes = 3;
constexpr char kDigits[] = "0123456789ABCDEF";

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string_view fit_percent_encoded(std::string_view text, std::size_t most) {
  std::size_t bytes = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    bytes += is_plain(text[end]) ? 1 : kEncodedBytes;
    if (bytes > most) break;
  }
  return cut_utf8(text, end);
}

std::size_t percent_encoded_bytes(std::string_view text) {
  std::size_t bytes = 0;
  for (const char c : text) bytes += is_plain(c) ? 1 : kEncodedBytes;
  return bytes;
}

std::uint8_t* percent_encode(std::uint8_t* out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      *out++ = static_cast<std::uint8_t>(c);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    *out++ = '%';
    *out++ = static_cast<std::uint8_t>(kDigits[byte >> 4]);
    *out++ = static_cast<std::uint8_t>(kDigits[byte & 15]);
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = digit_of(text[i + 1]);
      const int low = digit_of(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high << 4 | low);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

}  // namespace rocket::grpc
