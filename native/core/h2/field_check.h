#pragma once

#include <cstdint>
#include <string_view>

#include "h2/field.h"

namespace rocket::h2 {

/// Checks the fields of one block against RFC 9113, 8.2 and 8.3.
class FieldCheck {
 public:
  enum class Kind : std::uint8_t { kRequest, kResponse, kTrailers };
  explicit FieldCheck(Kind kind) : kind_(kind) {}

  void take(const Field& field) {
    if (!field.good_value) why_ = "field value with NUL, CR or LF";
    if (field.tag == Tag::kOther || field.tag >= Tag::kFirstOfUser) {
      regular_ = true;
    } else {
      take_known(field);
    }
  }
  /// Call it after the last field: the fault, or null.
  const char* verdict() const;
  /// The content-length; negative: there was none.
  std::int64_t content_length() const { return content_length_; }
  /// `:status` of a response without a fault.
  int status() const { return status_; }

 private:
  void take_known(const Field& field);
  void take_pseudo(const Field& field);
  void take_status(std::string_view value);
  void take_content_length(std::string_view value);

  Kind kind_;
  bool regular_ = false;  ///< a regular field has been seen
  std::uint8_t seen_ = 0;
  bool is_connect_ = false;
  const char* why_ = nullptr;
  int status_ = 0;
  std::int64_t content_length_ = -1;
};

}  // namespace rocket::h2
