#include "grpc/metadata.h"

#include <array>

#include "h2/hpack_encoder.h"

namespace rocket::grpc {

namespace {

constexpr std::array<bool, 256> make_key_bytes() {
  std::array<bool, 256> good{};
  for (int c = 'a'; c <= 'z'; ++c) good[c] = true;
  for (int c = '0'; c <= '9'; ++c) good[c] = true;
  for (const char c : std::string_view("_.-")) good[static_cast<unsigned char>(c)] = true;
  return good;
}
constexpr auto kKeyBytes = make_key_bytes();

bool is_key(std::string_view key) {
  if (key.empty()) return false;
  for (const char c : key)
    if (!kKeyBytes[static_cast<unsigned char>(c)]) return false;
  return true;
}

bool is_printable(std::string_view value) {
  for (const char c : value)
    if (c < ' ' || c > '~') return false;
  return value.empty() || (value.front() != ' ' && value.back() != ' ');
}

bool is_base64(std::string_view value) {
  for (int i = 0; i < 2 && value.ends_with('='); ++i) value.remove_suffix(1);
  for (const char c : value) {
    const bool good =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!good) return false;
  }
  return value.size() % 4 != 1;
}

/// The fields beginning with `grpc-` that the application may read and send.
bool is_open(std::string_view name) {
  return name == "grpc-trace-bin" || name == "grpc-tags-bin" || name == "grpc-previous-rpc-attempts";
}

/// Keys that may be sent.
MetadataFault check_pair(std::string_view key, std::string_view value) {
  if (!is_key(key)) return MetadataFault::kKey;
  const auto name_tag = h2::tag_of_name(key, &tag_of);
  const bool ours = name_tag == tag::kEncoding || name_tag == tag::kAcceptEncoding ||
                    key == "grpc-status-details-bin" || key == "grpc-retry-pushback-ms";
  if (name_tag != h2::Tag::kOther && !ours) return MetadataFault::kReserved;
  if (key.ends_with("-bin")) return is_base64(value) ? MetadataFault::kNone : MetadataFault::kBinary;
  return is_printable(value) ? MetadataFault::kNone : MetadataFault::kValue;
}

/// Takes the next pair from the front of `rest`; false if it is incomplete.
bool take_pair(std::string_view& rest, std::string_view& key, std::string_view& value) {
  const auto key_end = rest.find('\0');
  if (key_end == std::string_view::npos) return false;
  const auto value_end = rest.find('\0', key_end + 1);
  if (value_end == std::string_view::npos) return false;
  key = rest.substr(0, key_end);
  value = rest.substr(key_end + 1, value_end - key_end - 1);
  rest.remove_prefix(value_end + 1);
  return true;
}

}  // namespace

h2::Tag tag_of(std::string_view name) {
  if (name.starts_with("grpc-")) {
    if (name == "grpc-timeout") return tag::kTimeout;
    if (name == "grpc-encoding") return tag::kEncoding;
    if (name == "grpc-accept-encoding") return tag::kAcceptEncoding;
    return is_open(name) && is_key(name) ? h2::Tag::kOther : tag::kReserved;
  }
  if (name == "content-type") return tag::kContentType;
  if (name == "accept-encoding") return tag::kReserved;  // of HTTP: clients send it with every call
  return is_key(name) ? h2::Tag::kOther : tag::kForeignKey;
}

void append_pair(std::string& text, std::string_view key, std::string_view value) {
  if (text.empty()) text += '\0';
  const std::size_t begin = text.size();
  text.resize(begin + key.size() + value.size() + 2);  // with the NULs
  char* const out = text.data() + begin;
  key.copy(out, key.size());
  value.copy(out + key.size() + 1, value.size());
}

const char* name_of(MetadataFault fault) {
  switch (fault) {
    case MetadataFault::kNone: return "";
    case MetadataFault::kForm: return "metadata in the wrong form";
    case MetadataFault::kKey: return "a key that is not made of a-z 0-9 _ . -";
    case MetadataFault::kReserved: return "a key that gRPC or HTTP/2 uses itself";
    case MetadataFault::kValue: return "a value that is not printable ASCII, or has a space at an end";
    case MetadataFault::kBinary: return "a value of a -bin key that is not base64";
  }
  return "";
}

CheckedMetadata check_metadata(std::string_view text) {
  CheckedMetadata result;
  if (text.empty()) return result;
  if (text.front() != '\0') return {MetadataFault::kForm, {}};
  text.remove_prefix(1);
  std::string_view key, value;
  while (!text.empty()) {
    if (!take_pair(text, key, value)) return {MetadataFault::kForm, {}};
    if (const auto fault = check_pair(key, value); fault != MetadataFault::kNone) return {fault, key};
    result.list_bytes += key.size() + value.size() + 32;
    result.block_bytes += h2::literal_bound(key, value);
  }
  return result;
}

std::uint8_t* write_metadata(std::uint8_t* out, std::string_view text) {
  if (text.empty()) return out;
  text.remove_prefix(1);
  std::string_view key, value;
  while (!text.empty() && take_pair(text, key, value)) out = h2::write_literal(out, key, value);
  return out;
}

}  // namespace rocket::grpc
