#pragma once

#include <string_view>

namespace rocket::grpc {

/// True for `application/grpc` and `application/grpc+proto`, in any case, with or without parameters. Other codecs than
/// protobuf are not spoken.
bool is_grpc_content_type(std::string_view value);

/// Of `/package.Service/Method`, split at its last slash. False: it is no such path.
bool split_path(std::string_view path, std::string_view& service, std::string_view& method);

}  // namespace rocket::grpc
