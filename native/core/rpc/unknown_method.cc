#include "rpc/unknown_method.h"

namespace rocket::rpc {

namespace {

/// Of the escaped name; the text then stays under the 511 bytes that a C++ peer can take.
constexpr std::size_t kMostNameBytes = 256;

void put_escaped(std::string& out, std::string_view name) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::size_t left = kMostNameBytes;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x20 && byte < 0x7f && c != '\\';
    const std::size_t size = plain ? 1 : 4;
    if (size > left) {
      out += "...";
      return;
    }
    left -= size;
    if (plain) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

}  // namespace

std::string unknown_method_text(Reason why, std::string_view service, std::string_view name) {
  std::string text;
  if (why == Reason::kNoService) {
    text = "service not found: ";
    put_escaped(text, service);
  } else if (why == Reason::kNoMethod) {
    text = "method not found: ";
    put_escaped(text, name);
  } else {
    text = "parse service name error: not Service.method: ";
    put_escaped(text, name);
  }
  return text;
}

}  // namespace rocket::rpc
