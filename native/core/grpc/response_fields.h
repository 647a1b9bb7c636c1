#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/encoding.h"
#include "grpc/metadata.h"
#include "grpc/request_line.h"
#include "h2/field.h"

namespace rocket::grpc {

/// The fields of a response that gRPC uses, in addition to those of a request.
namespace tag {
inline constexpr auto kGrpcStatus = static_cast<h2::Tag>(38);
inline constexpr auto kGrpcMessage = static_cast<h2::Tag>(39);
}  // namespace tag

/// For h2::Options::tag_of of a client.
h2::Tag response_tag_of(std::string_view name);

/// The data that gRPC reads from a header block of a response. One object serves all sessions of a thread, because a
/// block is read at once.
class ResponseFields {
 public:
  void clear() {
    metadata_.clear();
    message_.clear();
    status_.reset();
    is_grpc_ = false;
    encoding_ = Encoding::kIdentity;
    content_type_.clear();
  }
  void take(const h2::Field& field) {
    if (crosses(field.tag)) {
      append_pair(metadata_, field.name, field.value);
    } else if (field.tag == tag::kContentType) {
      is_grpc_ = is_grpc_content_type(field.value);
      if (!is_grpc_) content_type_ = field.value.substr(0, kKeptBytes);
    } else if (field.tag == tag::kEncoding) {
      encoding_ = encoding_of(field.value);
    } else if (field.tag == tag::kGrpcStatus) {
      take_status(field.value);
    } else if (field.tag == tag::kGrpcMessage) {
      message_ = field.value;
    }
  }

  /// In the NUL form; empty if there is none.
  const std::string& metadata() const { return metadata_; }
  bool is_grpc() const { return is_grpc_; }
  Encoding encoding() const { return encoding_; }
  /// The content type of a response that is not gRPC.
  const std::string& content_type() const { return content_type_; }
  /// The `grpc-status`; empty: there was none; negative: it is not a number.
  std::optional<std::int32_t> status() const { return status_; }
  /// The `grpc-message`, percent-encoded.
  const std::string& message() const { return message_; }

 private:
  static constexpr std::size_t kKeptBytes = 64;
  static constexpr std::int32_t kNoStatus = -1;
  static std::int32_t parse_status(std::string_view value);
  void take_status(std::string_view value);

  std::string metadata_;
  std::string message_;
  std::string content_type_;
  std::optional<std::int32_t> status_;
  Encoding encoding_ = Encoding::kIdentity;
  bool is_grpc_ = false;
};

}  // namespace rocket::grpc
