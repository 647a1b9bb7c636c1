#include "h2/field_check.h"

#include <algorithm>

namespace rocket::h2 {

namespace {

/// `lower` is in lower case.
bool equal_in_any_case(std::string_view value, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; };
  return std::equal(value.begin(), value.end(), lower.begin(), lower.end(), same);
}

constexpr std::uint8_t bit(Tag tag) {
  return static_cast<std::uint8_t>(1U << (static_cast<int>(tag) - static_cast<int>(Tag::kAuthority)));
}
static_assert(static_cast<int>(Tag::kUnknownPseudo) - static_cast<int>(Tag::kAuthority) < 8);

}  // namespace

void FieldCheck::take_known(const Field& field) {
  if (is_pseudo(field.tag)) {
    take_pseudo(field);
    return;
  }
  regular_ = true;
  if (field.tag == Tag::kMalformed) {
    why_ = "malformed field name";
  } else if (field.tag == Tag::kConnectionSpecific) {
    why_ = "connection-specific field";
  } else if (field.tag == Tag::kTe) {
    if (!equal_in_any_case(field.value, "trailers")) why_ = "te is not trailers";
  } else if (field.tag == Tag::kContentLength && kind_ != Kind::kTrailers) {
    take_content_length(field.value);
  }
}

void FieldCheck::take_pseudo(const Field& field) {
  if (kind_ == Kind::kTrailers) why_ = "pseudo field in trailers";
  if (regular_) why_ = "pseudo field after a regular field";
  if ((seen_ & bit(field.tag)) != 0) why_ = "pseudo field twice";
  seen_ |= bit(field.tag);
  if (kind_ == Kind::kResponse) {
    if (field.tag != Tag::kStatus) why_ = "pseudo field that no response has";
    return take_status(field.value);
  }
  if (field.tag == Tag::kStatus || field.tag == Tag::kProtocol || field.tag == Tag::kUnknownPseudo)
    why_ = "pseudo field that no request has";
  if (field.tag == Tag::kPath && !field.value.starts_with('/') && field.value != "*") why_ = "malformed :path";
  if (field.tag == Tag::kMethod) {
    if (field.value.empty()) why_ = "empty :method";
    is_connect_ = field.value == "CONNECT";
  }
}

void FieldCheck::take_status(std::string_view value) {
  const bool digits = value.find_first_not_of("0123456789") == std::string_view::npos;
  if (value.size() != 3 || !digits || value.front() < '1') {
    why_ = "malformed :status";
    return;
  }
  status_ = 0;  // a second one is an error; its digits are not added
  for (const char c : value) status_ = status_ * 10 + (c - '0');
}

void FieldCheck::take_content_length(std::string_view value) {
  const bool digits = value.find_first_not_of("0123456789") == std::string_view::npos;
  if (value.empty() || value.size() > 18 || !digits) {
    why_ = "malformed content-length";
    return;
  }
  std::int64_t length = 0;
  for (const char c : value) length = length * 10 + (c - '0');
  if (content_length_ >= 0 && content_length_ != length) why_ = "content-length twice";
  content_length_ = length;
}

const char* FieldCheck::verdict() const {
  if (why_ != nullptr || kind_ == Kind::kTrailers) return why_;
  if (kind_ == Kind::kResponse) return status_ > 0 ? nullptr : "response without :status";
  constexpr std::uint8_t kNeeded = bit(Tag::kMethod) | bit(Tag::kScheme) | bit(Tag::kPath);
  if (is_connect_) {
    const bool plain = (seen_ & (bit(Tag::kScheme) | bit(Tag::kPath))) == 0 && (seen_ & bit(Tag::kAuthority)) != 0;
    return plain ? nullptr : "CONNECT with :scheme or :path, or without :authority";
  }
  return (seen_ & kNeeded) == kNeeded ? nullptr : "request without :method, :scheme or :path";
}

}  // namespace rocket::h2
