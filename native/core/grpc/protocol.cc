#include "grpc/protocol.h"

#include <algorithm>
#include <array>

#include "grpc/health.h"
#include "grpc/server_session.h"
#include "h2/protocol.h"

namespace rocket::grpc {

namespace {

/// Only HTTP/2 begins so: no method of HTTP/1 is called PRI.
constexpr std::string_view kFirst = h2::kPreface.substr(0, 4);

constexpr std::array<std::string_view, kErrorCodes> kRejections = {
    "h2NoError",      "h2ProtocolError",   "h2InternalError",      "h2FlowControlError", "h2SettingsTimeout",
    "h2StreamClosed", "h2FrameSizeError",  "h2RefusedStream",      "h2Cancel",           "h2CompressionError",
    "h2ConnectError", "h2EnhanceYourCalm", "h2InadequateSecurity", "h2Http11Required",   "h2Unknown"};

rpc::Protocol::Match matches(ByteSpan first) {
  const auto seen = std::min(first.size(), kFirst.size());
  if (as_text(first.first(seen)) != kFirst.substr(0, seen)) return rpc::Protocol::Match::kNo;
  return seen == kFirst.size() ? rpc::Protocol::Match::kYes : rpc::Protocol::Match::kMore;
}

std::unique_ptr<rpc::CallSession> make_session(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection) {
  return std::make_unique<ServerSession>(shard, std::move(connection));
}

}  // namespace

const rpc::Protocol kProtocol{"grpc",          "gRPC",      "h2",
                              kFirst.size(),   &matches,    &make_session,
                              &health::add_to, kRejections, static_cast<std::size_t>(h2::ErrorCode::kProtocolError)};

}  // namespace rocket::grpc
