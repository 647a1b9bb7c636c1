#include "tinypb/protocol.h"

#include <array>
#include <string>

#include "tinypb/frame.h"
#include "tinypb/partial_scan.h"
#include "tinypb/reply_frame.h"
#include "tinypb/server_session.h"
#include "tinypb/status.h"

namespace rocket::tinypb {

namespace {

/// All but kNone.
constexpr std::size_t kRejections = kDecodeErrorCount - 1;

const std::array<std::string_view, kRejections> kRejectionNames = [] {
  std::array<std::string_view, kRejections> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = name_of(static_cast<DecodeError>(i + 1));
  return names;
}();

rpc::Protocol::Match matches(ByteSpan first) {
  if (first.empty()) return rpc::Protocol::Match::kMore;
  return first.front() == kStartByte ? rpc::Protocol::Match::kYes : rpc::Protocol::Match::kNo;
}

std::unique_ptr<rpc::CallSession> make_session(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection) {
  return std::make_unique<ServerSession>(shard, std::move(connection));
}

}  // namespace

const rpc::Protocol kProtocol{"tinypb", "TinyPB",        "tinypb",
                              1,        &matches,        &make_session,
                              nullptr,  kRejectionNames, static_cast<std::size_t>(DecodeError::kBadStartByte) - 1};

const DirectReplies kDirectReplies;

std::size_t DirectReplies::write(const rpc::ServerCall& call, const rpc::DirectReply& reply,
                                 std::span<std::uint8_t> into) const {
  std::string scratch;
  const ByteSpan message = reply.message;
  const auto sent = reply_text(call, reply.status, reply.text, scratch);
  FrameHead head{call.msg_id, call.method->name, wire_code_of(reply.status), sent};
  bool checksum = (call.marks & mark::kChecksum) != 0;
  std::string padded;
  if (!checksum) make_readable(head, message, holds_start_byte(head.method), checksum, padded);
  const std::size_t size = frame_bytes(head, message.size());
  if (size > into.size()) return 0;
  encode(into.data(), head, message, checksum);
  return size;
}

}  // namespace rocket::tinypb
