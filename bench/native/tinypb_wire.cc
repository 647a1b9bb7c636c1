#include "wire.h"

namespace rocket::bench {
namespace {

constexpr std::size_t kMaxReplyBytes = 128 * 1024;

}  // namespace

Answer TinypbWire::next(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>&) {
  const Reply reply = parse_reply(bytes, kMaxReplyBytes);
  switch (reply.kind) {
    case Reply::Kind::kIncomplete: return {.kind = Answer::Kind::kIncomplete, .id = {}};
    case Reply::Kind::kMalformed: return {.kind = Answer::Kind::kMalformed, .id = {}};
    case Reply::Kind::kComplete: break;
  }
  return {Answer::Kind::kReply, reply.frame_bytes, CallId::parse(reply.msg_id), reply.err_code};
}

}  // namespace rocket::bench
