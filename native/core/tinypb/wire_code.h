#pragma once

#include <cstdint>

namespace rocket::tinypb {

// Codes of C++ rocket (common/error_code.h) that the core itself sends or makes.
inline constexpr std::int32_t kOk = 0;
inline constexpr std::int32_t kPeerClosed = 10000000;
inline constexpr std::int32_t kFailedConnect = 10000001;
inline constexpr std::int32_t kFailedDeserialize = 10000003;
inline constexpr std::int32_t kRpcCallTimeout = 10000007;
inline constexpr std::int32_t kServiceNotFound = 10000008;
inline constexpr std::int32_t kMethodNotFound = 10000009;
inline constexpr std::int32_t kParseServiceName = 10000010;

/// Ours: 20000000 plus a canonical gRPC status number.
inline constexpr std::int32_t kStatusBase = 20000000;
inline constexpr std::int32_t kCancelled = kStatusBase + 1;
inline constexpr std::int32_t kResourceExhausted = kStatusBase + 8;
inline constexpr std::int32_t kInternal = kStatusBase + 13;
inline constexpr std::int32_t kUnavailable = kStatusBase + 14;

/// Ours too: the same status, from a server that has certainly not begun to handle the request, so that any client may
/// make the call again, elsewhere.
inline constexpr std::int32_t kRefusedBase = kStatusBase + 100;
inline constexpr std::int32_t kRefusedTooMany = kRefusedBase + 8;
inline constexpr std::int32_t kRefusedClosing = kRefusedBase + 14;

}  // namespace rocket::tinypb
