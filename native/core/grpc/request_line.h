#pragma once

#include <string_view>

namespace rocket::grpc {

/// True for `application/grpc` and `application/grpc+proto`, in any case, with or without parameters. Codecs other than
/// protobuf are not supported.
bool is_grpc_content_type(std::string_view value);

/// The parts of `/package.Service/Method`, split at its last slash. False: the path has another form.
bool split_path(std::string_view path, std::string_view& service, std::string_view& method);

}  // namespace rocket::grpc
