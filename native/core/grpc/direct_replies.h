#pragma once

#include "rpc/server_call.h"

namespace rocket::grpc {

/// Replies that the JavaScript thread sends itself: those of unary calls with one small message and no metadata. The
/// session has reserved kDirectBytes of both windows for each (h2::Session::reserve()).
class DirectReplies final : public rpc::DirectReplies {
 public:
  std::size_t write(const rpc::ServerCall& call, const rpc::DirectReply& reply,
                    std::span<std::uint8_t> into) const override;
};
extern const DirectReplies kDirectReplies;

/// The longest message of such a reply, including the five bytes before it.
inline constexpr std::uint32_t kDirectBytes = 1024;

}  // namespace rocket::grpc
