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

/// The longest encoded metadata of a request, unless an option allows more. It is kept as long as the call.
inline constexpr std::size_t kMostMetadataBytes = 8 * 1024;

/// A request that a session has read, independent of the protocol. The views need to live only until it is admitted.
struct RequestHead {
  MethodTable::Lookup method;  ///< from MethodTable::find(), or remembered by the session
  std::string_view service;    ///< as requested, for the error if it does not exist
  std::string_view name;       ///< the whole name as the protocol writes it, for the same purpose
  std::string_view
      msg_id;  ///< what the call goes by on the wire and in logs; empty where the protocol has no such thing
  std::string_view peer;
  std::string_view metadata;  ///< encoded (lib/contract/metadata.ts)
  ByteSpan message;
  OwnedBytes* block = nullptr;  ///< the memory of the message, if it has its own; it is moved from
  SteadyMs timeout = 0;         ///< milliseconds from now; 0: the request has no deadline
  std::int32_t flags = 0;       ///< of the event (event_flag)
  bool may_stream = false;      ///< the protocol has calls of every kind, not only unary ones
  // Values that the session stores in the call:
  std::uint32_t stream = 0;
  std::uint32_t wire_stream = 0;
  std::uint8_t marks = 0;
  const DirectReplies* direct = nullptr;
};

/// The result of admitting a request.
struct Admission {
  enum class Is : std::uint8_t {
    kAdmitted,   ///< `call` is on its way to JavaScript
    kRefused,    ///< the session answers it with `status` and `text`
    kNative,     ///< the session answers it with the method's native handler
    kInboxFull,  ///< the session offers it again after on_inbox_room()
  };
  Is is = Is::kRefused;
  ServerCall* call = nullptr;
  Status status;
  std::string_view text;  ///< valid until the next request of this io thread
};

}  // namespace rocket::rpc
