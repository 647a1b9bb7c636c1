#include "grpc/wire_status.h"

namespace rocket::grpc {

using rpc::Code;
using rpc::Status;

Status status_of(std::int32_t grpc_status) {
  if (grpc_status < 0) return {Code::kUnknown};
  if (grpc_status > static_cast<std::int32_t>(Code::kUnauthenticated)) {
    return {Code::kUnknown, rpc::Reason::kNone, false, grpc_status};
  }
  return {static_cast<Code>(grpc_status)};
}

Status status_of_http(int http_status) {
  switch (http_status) {
    case 400: return {Code::kInternal};
    case 401: return {Code::kUnauthenticated};
    case 403: return {Code::kPermissionDenied};
    case 404: return {Code::kUnimplemented};
    case 429:
    case 502:
    case 503:
    case 504: return {Code::kUnavailable};
    default: return {Code::kUnknown};
  }
}

Status status_of_reset(h2::ErrorCode code) {
  switch (code) {
    case h2::ErrorCode::kRefusedStream: return Status::refusal(Code::kUnavailable);
    case h2::ErrorCode::kCancel: return {Code::kCancelled};
    case h2::ErrorCode::kEnhanceYourCalm: return {Code::kResourceExhausted};
    case h2::ErrorCode::kInadequateSecurity: return {Code::kPermissionDenied};
    case h2::ErrorCode::kNoError:
    case h2::ErrorCode::kProtocolError:
    case h2::ErrorCode::kInternalError:
    case h2::ErrorCode::kFlowControlError:
    case h2::ErrorCode::kSettingsTimeout:
    case h2::ErrorCode::kStreamClosed:
    case h2::ErrorCode::kFrameSizeError:
    case h2::ErrorCode::kCompressionError:
    case h2::ErrorCode::kConnectError:
    case h2::ErrorCode::kHttp11Required: return {Code::kInternal};
  }
  return {Code::kUnknown};
}

}  // namespace rocket::grpc
