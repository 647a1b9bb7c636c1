#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "grpc/encoding.h"
#include "grpc/metadata.h"
#include "grpc/request_line.h"
#include "grpc/timeout.h"
#include "h2/field.h"

namespace rocket::grpc {

/// The data that gRPC reads from the header block of a request. One object serves all sessions of a thread, because a
/// block is read at once.
class RequestFields {
 public:
  void clear() {
    metadata_.assign(1, '\0');
    timeout_.reset();
    is_post_ = is_head_ = is_grpc_ = bad_timeout_ = false;
    encoding_ = Encoding::kIdentity;
    accepted_ = 0;
  }
  void take(const h2::Field& field) {
    if (crosses(field.tag)) {
      append_pair(metadata_, field.name, field.value);
    } else if (field.tag == tag::kMethod) {
      is_post_ = field.value == "POST";
      is_head_ = field.value == "HEAD";
    } else if (field.tag == tag::kPath) {
      // Usually the path of the previous call: comparing is faster than copying.
      if (path_ != field.value) path_ = field.value;
    } else if (field.tag == tag::kContentType) {
      is_grpc_ = is_grpc_content_type(field.value);
    } else if (field.tag == tag::kTimeout) {
      timeout_ = parse_timeout(field.value);
      bad_timeout_ = !timeout_;
    } else if (field.tag == tag::kAcceptEncoding) {
      take_accepted(field.value);
    } else if (field.tag == tag::kEncoding) {
      encoding_ = encoding_of(field.value);
    }
  }

  /// The path. Only a POST has one of its own; otherwise it is that of another request.
  const std::string& path() const { return path_; }
  /// In the NUL form. It begins with NUL even if there is no metadata, which shows that the request came by gRPC.
  const std::string& metadata() const { return metadata_; }
  bool is_post() const { return is_post_; }
  bool is_head() const { return is_head_; }
  bool is_grpc() const { return is_grpc_; }
  bool bad_timeout() const { return bad_timeout_; }
  std::optional<Millis> timeout() const { return timeout_; }
  /// The encoding of its messages.
  Encoding encoding() const { return encoding_; }
  /// Flags of the request's event for the encodings that its peer accepts.
  std::int32_t accepted() const { return accepted_; }

 private:
  void take_accepted(std::string_view list) {
    // A client sends the same list with every call.
    if (list != last_list_) {
      last_list_ = list;
      last_accepted_ = accepted_flags(list);
    }
    accepted_ |= last_accepted_;
  }

  std::string path_;
  std::string metadata_;
  std::optional<Millis> timeout_;
  std::string last_list_;
  std::int32_t last_accepted_ = 0;
  std::int32_t accepted_ = 0;
  Encoding encoding_ = Encoding::kIdentity;
  bool is_post_ = false;
  bool is_head_ = false;
  bool is_grpc_ = false;
  bool bad_timeout_ = false;
};

}  // namespace rocket::grpc
