#include "h2/field.h"

#include <array>
#include <cstring>

namespace rocket::h2 {

namespace {

/// Bytes of a token (RFC 9110, 5.6.2), without the upper case letters, which HTTP/2 forbids in names.
constexpr std::array<bool, 256> make_name_bytes() {
  std::array<bool, 256> good{};
  for (int c = 'a'; c <= 'z'; ++c) good[c] = true;
  for (int c = '0'; c <= '9'; ++c) good[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) good[static_cast<unsigned char>(c)] = true;
  return good;
}
constexpr auto kNameBytes = make_name_bytes();

bool is_name(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name)
    if (!kNameBytes[static_cast<unsigned char>(c)]) return false;
  return true;
}

Tag tag_of_pseudo(std::string_view name) {
  if (name == ":path") return Tag::kPath;
  if (name == ":method") return Tag::kMethod;
  if (name == ":scheme") return Tag::kScheme;
  if (name == ":authority") return Tag::kAuthority;
  if (name == ":status") return Tag::kStatus;
  if (name == ":protocol") return Tag::kProtocol;
  return is_name(name.substr(1)) ? Tag::kUnknownPseudo : Tag::kMalformed;
}

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kTops = 0x8080808080808080;

/// Not 0 if a byte of `word` is under 14; some words with a byte over 127 too.
constexpr std::uint64_t maybe_controls(std::uint64_t word) { return (word - kOnes * 14) & kTops; }

bool is_good_byte(char c) { return c != '\0' && c != '\r' && c != '\n'; }

}  // namespace

Tag tag_of_name(std::string_view name, TagOf user) {
  if (name.empty()) return Tag::kMalformed;
  if (name[0] == ':') return tag_of_pseudo(name);
  if (!is_name(name)) return Tag::kMalformed;
  switch (name.size()) {
    case 2:
      if (name == "te") return Tag::kTe;
      break;
    case 4:
      if (name == "host") return Tag::kHost;
      break;
    case 7:
      if (name == "upgrade") return Tag::kConnectionSpecific;
      break;
    case 10:
      if (name == "connection" || name == "keep-alive") return Tag::kConnectionSpecific;
      break;
    case 14:
      if (name == "content-length") return Tag::kContentLength;
      break;
    case 16:
      if (name == "proxy-connection") return Tag::kConnectionSpecific;
      break;
    case 17:
      if (name == "transfer-encoding") return Tag::kConnectionSpecific;
      break;
    default: break;
  }
  return user != nullptr ? user(name) : Tag::kOther;
}

bool is_good_value(std::string_view value) {
  const char* at = value.data();
  const char* const end = at + value.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (maybe_controls(word) == 0) continue;
    for (int i = 0; i < 8; ++i)
      if (!is_good_byte(at[i])) return false;
  }
  for (; at != end; ++at)
    if (!is_good_byte(*at)) return false;
  return true;
}

}  // namespace rocket::h2
