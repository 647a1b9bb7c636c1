#include "tinypb/status.h"

#include <array>

#include "tinypb/wire_code.h"

namespace rocket::tinypb {

namespace {

using rpc::Code;
using rpc::Reason;

constexpr std::int32_t kLastStatus = static_cast<std::int32_t>(Code::kUnauthenticated);

/// From kPeerClosed on, in the order of C++ rocket's numbers (docs/wire-protocol.md, "Error codes").
constexpr std::array kFromCpp{
    Code::kUnavailable,       // peer closed
    Code::kUnavailable,       // failed connect
    Code::kUnavailable,       // failed get reply
    Code::kInvalidArgument,   // failed deserialize
    Code::kInternal,          // failed serialize
    Code::kInternal,          // failed encode
    Code::kInternal,          // failed decode
    Code::kDeadlineExceeded,  // call timeout
    Code::kUnimplemented,     // service not found
    Code::kUnimplemented,     // method not found
    Code::kUnimplemented,     // parse service name
    Code::kInternal,          // rpc channel init
    Code::kUnavailable,       // rpc peer addr
};

Reason reason_of(std::int32_t wire_code) {
  switch (wire_code) {
    case kPeerClosed: return Reason::kPeerGone;
    case kFailedDeserialize: return Reason::kUnreadable;
    case kServiceNotFound: return Reason::kNoService;
    case kMethodNotFound: return Reason::kNoMethod;
    case kParseServiceName: return Reason::kNoName;
    default: return Reason::kNone;
  }
}

}  // namespace

std::int32_t wire_code_of(const rpc::Status& status) {
  if (status.ok()) return kOk;
  if (status.own != 0) return status.own;
  switch (status.reason) {
    case Reason::kNoService: return kServiceNotFound;
    case Reason::kNoMethod: return kMethodNotFound;
    case Reason::kNoName: return kParseServiceName;
    case Reason::kUnreadable: return kFailedDeserialize;
    case Reason::kPeerGone: return kPeerClosed;
    case Reason::kNone: break;
  }
  if (status.refused) return kRefusedBase + static_cast<std::int32_t>(status.code);
  if (status.code == Code::kDeadlineExceeded) return kRpcCallTimeout;
  return kStatusBase + static_cast<std::int32_t>(status.code);
}

rpc::Status status_of(std::int32_t wire_code) {
  if (wire_code == kOk) return {};
  if (wire_code >= kPeerClosed && wire_code < kPeerClosed + static_cast<std::int32_t>(kFromCpp.size())) {
    return {kFromCpp[static_cast<std::size_t>(wire_code - kPeerClosed)], reason_of(wire_code), false, wire_code};
  }
  for (const std::int32_t base : {kStatusBase, kRefusedBase}) {
    if (wire_code > base && wire_code <= base + kLastStatus) {
      return {static_cast<Code>(wire_code - base), Reason::kNone, base == kRefusedBase, wire_code};
    }
  }
  return {Code::kUnknown, Reason::kNone, false, wire_code};
}

}  // namespace rocket::tinypb
