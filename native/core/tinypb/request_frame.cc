#include "tinypb/request_frame.h"

#include <algorithm>

#include "tinypb/crc32c.h"
#include "tinypb/partial_scan.h"

namespace rocket::tinypb {

namespace {

/// What a C++ peer has room for.
constexpr std::size_t kLongestMsgId = 99;
constexpr int kAttempts = 8;

}  // namespace

bool RequestFrame::make(ClientCallTable& calls, ClientCall& call, SteadyMs left_ms, std::string_view metadata,
                        ByteSpan body, bool checksum) {
  body_ = body;
  const ClientCallTable::MsgId fresh = calls.fresh_id(call);
  const std::string_view fresh_id(fresh.data(), fresh.size());
  FrameHead head{call.msg_id.empty() ? fresh_id : std::string_view(call.msg_id), call.method->wire_name,
                 safe_time_left(static_cast<std::int32_t>(std::clamp<SteadyMs>(left_ms, 1, INT32_MAX))), metadata};
  encode(head, checksum);
  // One frame in tens of thousands, unless somebody aims at it.
  for (int attempt = 1; misread(); ++attempt) {
    if (attempt > kAttempts) return false;
    if (attempt == 1) {
      // A millisecond less makes another checksum too; and one is computed even where none is wanted, since then 1 may
      // be what does not fit behind the body.
      head.err_code = safe_time_left(std::max(head.err_code - 1, 1));
    } else {
      std::string longer(head.msg_id.size() < kLongestMsgId ? head.msg_id : fresh_id);
      calls.rename(call, longer + '-');
      head.msg_id = call.msg_id;
    }
    encode(head, true);
  }
  return true;
}

bool RequestFrame::misread() const { return misread_while_partial(prefix_, body_, checksum_, Cut::kAnywhere); }

void RequestFrame::encode(const FrameHead& head, bool checksum) {
  prefix_.resize(frame_bytes(head, 0) - kSuffixBytes);
  write_prefix(prefix_.data(), head, body_.size());
  checksum_ = checksum ? crc32c(body_, crc32c(prefix_)) : kNoChecksum;
}

void RequestFrame::write(std::uint8_t* to) const {
  std::memcpy(to, prefix_.data(), prefix_.size());
  if (!body_.empty()) std::memcpy(to + prefix_.size(), body_.data(), body_.size());
  write_suffix(to + prefix_.size() + body_.size(), checksum_);
}

void RequestFrame::append_to(io::Connection& connection, OwnedBytes& large_body) const {
  if (large_body.empty()) return write(connection.append(bytes()));
  std::memcpy(connection.append(prefix_.size()), prefix_.data(), prefix_.size());
  connection.append_block(std::move(large_body));
  write_suffix(connection.append(kSuffixBytes), checksum_);
}

}  // namespace rocket::tinypb
