#include "rpc/unknown_method.h"

#include "tinypb/frame.h"
#include "tinypb/wire_code.h"

namespace rocket::rpc {

namespace {

/// Of the escaped name; the text then stays under what a C++ peer can take.
constexpr std::size_t kMostNameBytes = 256;
constexpr std::size_t kLongestStart = 64;
static_assert(kMostNameBytes + kLongestStart < tinypb::kOldPeerErrInfoBytes);

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

std::string unknown_method_text(std::int32_t wire_code, std::string_view method) {
  const auto dot = method.rfind('.');
  std::string text;
  if (wire_code == tinypb::kServiceNotFound) {
    text = "service not found: ";
    put_escaped(text, method.substr(0, dot));
  } else if (wire_code == tinypb::kMethodNotFound) {
    text = "method not found: ";
    put_escaped(text, method);
  } else {
    text = "parse service name error: not Service.method: ";
    put_escaped(text, method);
  }
  return text;
}

}  // namespace rocket::rpc
