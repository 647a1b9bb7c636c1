#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace rocket::rpc {

/// Kinds of events in an Inbox. The numbers are shared with JavaScript (lib/addon/layout.ts).
enum class EventKind : std::int32_t {
  kRequest = 1,    ///< server: a call to handle
  kAbort,          ///< server: a delivered call was answered natively or lost its peer
  kServerClosed,   ///< server: it has released everything on all io threads
  kReply,          ///< client: a call succeeded
  kFailure,        ///< client: a call ended with a status
  kEndpointState,  ///< client: a connection of endpoint `owner` is now in state `code`; `text`: why
  kEndpointClosed,
  kLog,        ///< a line for the log of server `owner`
  kMessage,    ///< server: one more message of a request that streams
  kHalfClose,  ///< server: no more will come
  kRoom,       ///< server: `code` more bytes of messages may be sent
};

/// One fixed-size descriptor: this many 32-bit words.
inline constexpr std::size_t kEventWords = 12;

namespace event_flag {
inline constexpr std::int32_t kLargePayload = 1;    ///< the payload is the next large block of the batch
inline constexpr std::int32_t kRequestWritten = 2;  ///< kFailure: the whole request had been handed to the kernel
inline constexpr std::int32_t kAsciiText = 4;       ///< every string in the payload is known to be ASCII
inline constexpr std::int32_t kGrpc = 8;         ///< kRequest: its metadata, and that of its reply, is in gRPC's form
inline constexpr std::int32_t kOpen = 16;        ///< kRequest: without a message; kMessage and kHalfClose follow
inline constexpr std::int32_t kCompressed = 32;  ///< the payload is, by the encoding that the request's metadata names
}  // namespace event_flag

/// What a peer may be sent of one call before the core says kRoom: bytes of messages and kMessageOverhead of each.
inline constexpr std::int32_t kStreamRoomBytes = 65'536;
inline constexpr std::int32_t kMessageOverhead = 5;

/// An event before it is copied into the slab; the spans need to be valid only until then.
struct Event {
  EventKind kind;
  std::int32_t owner = 0;           ///< word 1: server or endpoint number
  std::uint32_t id_low = 0;         ///< word 2: call id, or the client's call handle
  std::uint32_t id_high = 0;        ///< word 3: generation
  std::int32_t code = 0;            ///< word 4: method number, Status::word() or state
  std::int32_t time_ms = 0;         ///< word 5: kRequest: the deadline on the inbox's clock
  std::int32_t flags = 0;           ///< word 10
  ByteSpan payload;                 ///< words 6, 7: offset and length
  std::uint32_t string_fields = 0;  ///< bit n: field n of the payload's message is a string
  ByteSpan text;                    ///< words 8, 9: metadata, message or line; of a kRequest in its head
  std::int32_t own = 0;             ///< kFailure: Status::own, in word 11
  std::string_view peer;            ///< kRequest: `ip:port` of the caller, in its head
  std::string_view msg_id;          ///< kRequest: in its head; word 11 says where that is (Inbox::Batch::heads)
};

}  // namespace rocket::rpc
