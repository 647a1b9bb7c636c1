#pragma once

#include <cstdint>

namespace rocket::rpc {

/// The statuses of gRPC, by their numbers (lib/contract/status.ts).
enum class Code : std::uint8_t {
  kOk,
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};

/// Details that a code does not express and that a protocol or JavaScript may distinguish. The numbers are shared with
/// JavaScript.
enum class Reason : std::uint8_t {
  kNone,
  kNoService,   ///< there is no service of that name
  kNoMethod,    ///< the service has no method of that name
  kNoName,      ///< the requested name is not a method name
  kUnreadable,  ///< the message cannot be parsed
  kPeerGone,    ///< nobody waits for the answer any more
};

/// The outcome of a call, independent of a protocol.
struct Status {
  Code code = Code::kOk;
  Reason reason = Reason::kNone;
  /// The request has certainly not been started: it may be repeated on another endpoint.
  bool refused = false;
  /// The number that the application, or the protocol that delivered the status, uses for it. 0: none.
  std::int32_t own = 0;

  bool ok() const { return code == Code::kOk; }

  static Status refusal(Code code) { return {code, Reason::kNone, true, 0}; }

  /// All but `own`, as one word of an event or a command (lib/contract/status.ts): the code in the low byte.
  std::int32_t word() const {
    return static_cast<std::int32_t>(code) | static_cast<std::int32_t>(reason) << kReasonShift |
           (refused ? kRefusedBit : 0);
  }
  static Status from_word(std::int32_t word, std::int32_t own) {
    const auto code = static_cast<std::uint8_t>(word);
    const bool known = code <= static_cast<std::uint8_t>(Code::kUnauthenticated);
    return {known ? static_cast<Code>(code) : Code::kUnknown,
            static_cast<Reason>(static_cast<std::uint8_t>(word >> kReasonShift)), (word & kRefusedBit) != 0, own};
  }

  static constexpr int kReasonShift = 8;
  static constexpr std::int32_t kRefusedBit = 1 << 16;
};

}  // namespace rocket::rpc
