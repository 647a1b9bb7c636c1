#pragma once

#include <cstdint>

#include "rpc/boundary.h"

namespace rocket::rpc {

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

  /// Everything except `own` as one word of an event or a command (lib/contract/status.ts).
  std::int32_t word() const {
    return static_cast<std::int32_t>(code) | static_cast<std::int32_t>(reason) << status_word::kReasonShift |
           (refused ? status_word::kRefusedBit : 0);
  }
  static Status from_word(std::int32_t word, std::int32_t own) {
    const auto code = static_cast<std::uint8_t>(word);
    const bool known = code <= static_cast<std::uint8_t>(Code::kUnauthenticated);
    return {known ? static_cast<Code>(code) : Code::kUnknown,
            static_cast<Reason>(static_cast<std::uint8_t>(word >> status_word::kReasonShift)),
            (word & status_word::kRefusedBit) != 0, own};
  }
};

}  // namespace rocket::rpc
