// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rocket::rpc {

/// Kinds of events in an Inbox.
enum class EventKind : std::int32_t {
  /// server: a call to handle
  kRequest = 1,
  /// server: a delivered call was answered natively or lost its peer
  kAbort = 2,
  /// server: it has released everything on all io threads
  kServerClosed = 3,
  /// client: a call succeeded
  kReply = 4,
  /// client: a call ended with a status
  kFailure = 5,
  /// client: the state of one connection to an endpoint has changed
  kEndpointState = 6,
  /// client: one connection of an endpoint has released everything
  kEndpointClosed = 7,
  /// server: a line for its log
  kLog = 8,
  /// server: one more message of a request that streams
  kMessage = 9,
  /// server: no more messages will come
  kHalfClose = 10,
  /// server: so many more bytes of messages may be sent
  kRoom = 11,
  /// client: the metadata before the replies of a call
  kReplyHeaders = 12,
  /// client: one reply of a call; more, or its end, follow
  kReplyMessage = 13,
  /// client: the end of a call of which more was told before, or whose end has metadata
  kCallEnd = 14,
  /// client: so many more bytes of requests may be sent
  kRequestRoom = 15,
  /// client: the handshake of a connection waits for whether its server is the right one
  kServerCheck = 16,
};

/// Words of an event; events.h has what they mean by kind.
namespace event_word {
inline constexpr std::size_t kKind = 0;
/// server or endpoint number
inline constexpr std::size_t kOwner = 1;
/// call id, the client's call handle, or a connection
inline constexpr std::size_t kIdLow = 2;
/// generation
inline constexpr std::size_t kIdHigh = 3;
/// by kind
inline constexpr std::size_t kCode = 4;
inline constexpr std::size_t kTimeMs = 5;
inline constexpr std::size_t kPayloadAt = 6;
inline constexpr std::size_t kPayloadBytes = 7;
inline constexpr std::size_t kTextAt = 8;
inline constexpr std::size_t kTextBytes = 9;
inline constexpr std::size_t kFlags = 10;
/// by kind
inline constexpr std::size_t kLast = 11;
}  // namespace event_word

/// One fixed-size descriptor: this many 32-bit words.
inline constexpr std::size_t kEventWords = 12;

namespace event_flag {
/// the payload is the next large block of the batch
inline constexpr std::int32_t kLargePayload = 1;
/// failure: the whole request had been handed to the kernel
inline constexpr std::int32_t kRequestWritten = 2;
/// every string in the payload is known to be ASCII
inline constexpr std::int32_t kAsciiText = 4;
/// request: its metadata, and that of its reply, is in gRPC's form
inline constexpr std::int32_t kGrpc = 8;
/// request: without a message; message and halfClose follow
inline constexpr std::int32_t kOpen = 16;
/// the payload is: in gzip's format, or with deflate in that of zlib
inline constexpr std::int32_t kCompressed = 32;
inline constexpr std::int32_t kDeflate = 64;
/// request: its peer reads replies in that format
inline constexpr std::int32_t kTakesGzip = 128;
/// request: likewise
inline constexpr std::int32_t kTakesDeflate = 256;
}  // namespace event_flag

/// Kinds of commands in the Outbox.
enum class CommandKind : std::int32_t {
  /// answer a server call with all of a single reply, and let go of it
  kReply = 1,
  /// let go of a server call: one that was aborted, or that expired before its handler was started
  kRelease = 2,
  /// start a client call
  kCall = 3,
  /// forget a client call
  kCancel = 4,
  /// one message of the answer to a server call
  kMessage = 5,
  /// the end of such an answer
  kFinish = 6,
  /// the metadata of an answer, before its first message
  kHeaders = 7,
  /// bytes of a request that streams have been handled: its peer may send as many more
  kTaken = 8,
  /// one request of a client call that was opened
  kRequestMessage = 9,
  /// the end of such requests
  kRequestEnd = 10,
  /// bytes of replies that stream have been handled: their server may send as many more
  kRepliesTaken = 11,
};

/// Words of a command (outbox.h).
namespace command_word {
inline constexpr std::size_t kKind = 0;
/// call id, or call handle
inline constexpr std::size_t kIdLow = 1;
/// generation
inline constexpr std::size_t kIdHigh = 2;
/// by kind
inline constexpr std::size_t kCode = 3;
/// by kind
inline constexpr std::size_t kMethod = 4;
inline constexpr std::size_t kTimeoutMs = 5;
inline constexpr std::size_t kPayloadAt = 6;
inline constexpr std::size_t kPayloadBytes = 7;
inline constexpr std::size_t kTextAt = 8;
inline constexpr std::size_t kTextBytes = 9;
inline constexpr std::size_t kFlags = 10;
/// directly behind the text: the msg_id of a call, trailers of an answer
inline constexpr std::size_t kMoreBytes = 11;
}  // namespace command_word

inline constexpr std::size_t kCommandWords = 12;

namespace command_flag {
/// the payload is the next of the large blocks
inline constexpr std::int32_t kLargePayload = 1;
/// the payload is, by the encoding that the answer's metadata names
inline constexpr std::int32_t kCompressed = 2;
/// call: without a message; requestMessage and requestEnd follow
inline constexpr std::int32_t kOpen = 4;
}  // namespace command_flag

/// The statuses of gRPC, by their numbers (lib/contract/status.ts).
enum class Code : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

/// Details that a code does not express and that a protocol or JavaScript may distinguish.
enum class Reason : std::uint8_t {
  kNone = 0,
  /// there is no service of that name
  kNoService = 1,
  /// the service has no method of that name
  kNoMethod = 2,
  /// the requested name is not a method name
  kNoName = 3,
  /// the message cannot be parsed
  kUnreadable = 4,
  /// nobody waits for the answer any more
  kPeerGone = 5,
};

/// A status word: the code in the low byte, then the reason in one byte, then the bit of a refusal.
namespace status_word {
inline constexpr std::int32_t kReasonShift = 8;
/// the request has certainly not been started
inline constexpr std::int32_t kRefusedBit = 65'536;
}  // namespace status_word

/// State of one connection to an endpoint, as JavaScript sees it.
enum class LinkState : std::int32_t {
  /// connects when a call comes
  kIdle = 0,
  kConnecting = 1,
  kReady = 2,
  /// pauses before the next attempt; calls fail
  kFailed = 3,
  kClosed = 4,
};

/// Which halves of a call stream (lib/contract/define-service.ts).
enum class MethodKind : std::uint8_t {
  kUnary = 0,
  kClientStream = 1,
  kServerStream = 2,
  kBidi = 3,
};

/// What a peer may be sent of one call before there is more room: bytes of messages and the overhead of each.
inline constexpr std::int32_t kStreamRoomBytes = 65'536;

/// Bytes that each message takes of that room besides its own.
inline constexpr std::int32_t kMessageOverhead = 5;

/// The core is told what a reader has taken in steps of at least this: half of the smallest window.
inline constexpr std::int32_t kTakenStepBytes = 32'768;

/// Offset and length of each string that comes with a batch.
inline constexpr std::size_t kStringWords = 2;

/// Payloads over this size cross in a block of their own.
inline constexpr std::size_t kLargePayloadBytes = 65'536;

/// Bits of a request's head for the offset in a string of heads; the bits above are the number of that string.
inline constexpr std::size_t kHeadPlaceBits = 16;

/// A call id's low word is the io thread above this many bits of slot number.
inline constexpr std::size_t kSlotBits = 24;

/// Offsets in the head of a request (Inbox::Batch::heads).
namespace request_head {
inline constexpr std::size_t kPeerAt = 0;
inline constexpr std::size_t kMsgIdBytes = 2;
inline constexpr std::size_t kMetadataBytes = 4;
inline constexpr std::size_t kFixedBytes = 6;
}  // namespace request_head

}  // namespace rocket::rpc
