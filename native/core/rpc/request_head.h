#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "rpc/method_table.h"
#include "rpc/status.h"

namespace rocket::rpc {

class DirectReplies;
struct ServerCall;

/// The longest encoded metadata of a request, which is kept as long as the call, unless an option allows more.
inline constexpr std::size_t kMostMetadataBytes = 8 * 1024;

/// A request as a session has read it, in words of no protocol. The views need to live only until it is admitted.
struct RequestHead {
  MethodTable::Lookup method;  ///< from MethodTable::find(), or what the session remembers of it
  std::string_view service;    ///< as it was asked for, for the error when it is not there
  std::string_view name;       ///< the same of the whole name, as the protocol writes it
  std::string_view
      msg_id;  ///< what the call goes by on the wire and in logs; empty where the protocol has no such thing
  std::string_view peer;
  std::string_view metadata;  ///< encoded (lib/contract/metadata.ts)
  ByteSpan message;
  OwnedBytes* block = nullptr;  ///< the memory of the message, if it has one of its own; is taken
  SteadyMs timeout = 0;         ///< milliseconds from now; 0: the request brings none
  std::int32_t flags = 0;       ///< of the event (event_flag)
  bool may_stream = false;      ///< the protocol has calls of every kind, not unary ones alone
  // What the session wants to find in the call:
  std::uint32_t stream = 0;
  std::uint32_t wire_stream = 0;
  std::uint8_t marks = 0;
  const DirectReplies* direct = nullptr;
};

/// What becomes of a request.
struct Admission {
  enum class Is : std::uint8_t {
    kAdmitted,   ///< `call` is on its way to JavaScript
    kRefused,    ///< to be answered with `status` and `text`
    kNative,     ///< to be answered with what the method's native handler says
    kInboxFull,  ///< the same request is to be offered again after on_inbox_room()
  };
  Is is = Is::kRefused;
  ServerCall* call = nullptr;
  Status status;
  std::string_view text;  ///< until the next request of this io thread
};

}  // namespace rocket::rpc
