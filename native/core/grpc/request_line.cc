#include "grpc/request_line.h"

namespace rocket::grpc {

namespace {

/// `lower` is in lower case.
bool take_prefix(std::string_view& text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower[i]) return false;
  }
  text.remove_prefix(lower.size());
  return true;
}

}  // namespace

bool is_grpc_content_type(std::string_view value) {
  if (value == "application/grpc") return true;
  if (!take_prefix(value, "application/grpc")) return false;
  take_prefix(value, "+proto");
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  return value.empty() || value.front() == ';';
}

bool split_path(std::string_view path, std::string_view& service, std::string_view& method) {
  if (path.empty() || path.front() != '/') return false;
  path.remove_prefix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) return false;
  service = path.substr(0, slash);
  method = path.substr(slash + 1);
  return true;
}

}  // namespace rocket::grpc
