#pragma once

#include <cstdint>
#include <string_view>

#include "h2/field.h"

namespace rocket::h2 {

/// Checks the fields of one block against RFC 9113, 8.2 and 8.3.
class RequestCheck {
 public:
  enum class Kind : std::uint8_t { kRequest, kTrailers };
  explicit RequestCheck(Kind kind) : trailers_(kind == Kind::kTrailers) {}

  void take(const Field& field) {
    if (!field.good_value) why_ = "field value with NUL, CR or LF";
    if (field.tag == Tag::kOther || field.tag >= Tag::kFirstOfUser) {
      regular_ = true;
    } else {
      take_known(field);
    }
  }
  /// After the last field: what is wrong, or null.
  const char* verdict() const;
  /// Negative: there was none.
  std::int64_t content_length() const { return content_length_; }

 private:
  void take_known(const Field& field);
  void take_pseudo(const Field& field);
  void take_content_length(std::string_view value);

  bool trailers_;
  bool regular_ = false;  ///< a field that is no pseudo field has been seen
  std::uint8_t seen_ = 0;
  bool is_connect_ = false;
  const char* why_ = nullptr;
  std::int64_t content_length_ = -1;
};

}  // namespace rocket::h2
