#include "grpc/encoding.h"

#include <algorithm>

namespace rocket::grpc {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

Encoding encoding_of(std::string_view name) {
  if (name == "gzip") return Encoding::kGzip;
  if (name == "deflate") return Encoding::kDeflate;
  return name.empty() || name == "identity" ? Encoding::kIdentity : Encoding::kUnknown;
}

std::int32_t accepted_flags(std::string_view list) {
  std::int32_t flags = 0;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto name = trimmed(list.substr(0, end));
    if (name == "gzip") flags |= rpc::event_flag::kTakesGzip;
    if (name == "deflate") flags |= rpc::event_flag::kTakesDeflate;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return flags;
}

}  // namespace rocket::grpc
