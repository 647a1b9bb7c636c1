#pragma once

#include "rpc/server_call.h"

namespace rocket::grpc {

/// Replies that JavaScript's thread sends by itself: those of unary calls, with one small message, and no metadata. The
/// session has set kDirectBytes of both windows aside for each (h2::Session::reserve()).
class DirectReplies final : public rpc::DirectReplies {
 public:
  std::size_t write(const rpc::ServerCall& call, const rpc::DirectReply& reply,
                    std::span<std::uint8_t> into) const override;
};
extern const DirectReplies kDirectReplies;

/// The longest message of one, with the five bytes before it.
inline constexpr std::uint32_t kDirectBytes = 1024;

}  // namespace rocket::grpc
