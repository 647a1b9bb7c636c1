#pragma once

#include "rpc/protocol.h"
#include "rpc/server_call.h"

namespace rocket::tinypb {

/// TinyPB as a server speaks it.
extern const rpc::Protocol kProtocol;

/// Of ServerCall::marks.
namespace mark {
inline constexpr std::uint8_t kChecksum = 1;  ///< the request had one, and the reply gets one
/// The request carried metadata or a deadline: its sender reads response metadata and long messages.
inline constexpr std::uint8_t kExtended = 2;
}  // namespace mark

/// Replies that JavaScript's thread sends by itself.
class DirectReplies final : public rpc::DirectReplies {
 public:
  std::size_t write(const rpc::ServerCall& call, const rpc::DirectReply& reply,
                    std::span<std::uint8_t> into) const override;
};
extern const DirectReplies kDirectReplies;

}  // namespace rocket::tinypb
