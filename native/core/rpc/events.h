// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "rpc/boundary.h"
#include "rpc/call_id.h"
#include "rpc/client_call.h"
#include "rpc/event.h"
#include "rpc/status.h"

namespace rocket::rpc {

/// server: a call to handle
struct RequestEvent {
  std::int32_t server = 0;
  CallId call;
  std::int32_t method = 0;
  /// on the inbox's clock
  std::int32_t deadline_ms = 0;
  ByteSpan payload;
  std::uint32_t string_fields = 0;
  std::string_view metadata;
  std::string_view peer;
  std::string_view msg_id;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kRequest,
            .owner = server,
            .id_low = call.low,
            .id_high = call.high,
            .code = method,
            .time_ms = deadline_ms,
            .flags = flags,
            .payload = payload,
            .string_fields = string_fields,
            .text = as_bytes(metadata),
            .peer = peer,
            .msg_id = msg_id};
  }
};

/// server: a delivered call was answered natively or lost its peer
struct AbortEvent {
  std::int32_t server = 0;
  CallId call;
  Status status;

  operator Event() const {
    return {
        .kind = EventKind::kAbort, .owner = server, .id_low = call.low, .id_high = call.high, .code = status.word()};
  }
};

/// server: it has released everything on all io threads
struct ServerClosedEvent {
  std::int32_t server = 0;

  operator Event() const { return {.kind = EventKind::kServerClosed, .owner = server}; }
};

/// client: a call succeeded
struct ReplyEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  ByteSpan payload;
  std::uint32_t string_fields = 0;
  std::string_view text;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kReply,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .flags = flags,
            .payload = payload,
            .string_fields = string_fields,
            .text = as_bytes(text)};
  }
};

/// client: a call ended with a status
struct FailureEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  Status status;
  /// the message of the error
  std::string_view text;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kFailure,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .code = status.word(),
            .flags = flags,
            .text = as_bytes(text),
            .own = status.own};
  }
};

/// client: the state of one connection to an endpoint has changed
struct EndpointStateEvent {
  std::int32_t endpoint = 0;
  std::uint32_t link = 0;
  LinkState state = LinkState::kIdle;
  /// why it failed
  std::string_view text;

  operator Event() const {
    return {.kind = EventKind::kEndpointState,
            .owner = endpoint,
            .id_low = link,
            .code = static_cast<std::int32_t>(state),
            .text = as_bytes(text)};
  }
};

/// client: one connection of an endpoint has released everything
struct EndpointClosedEvent {
  std::int32_t endpoint = 0;
  std::uint32_t link = 0;

  operator Event() const { return {.kind = EventKind::kEndpointClosed, .owner = endpoint, .id_low = link}; }
};

/// server: a line for its log
struct LogEvent {
  std::int32_t server = 0;
  std::string_view text;

  operator Event() const { return {.kind = EventKind::kLog, .owner = server, .text = as_bytes(text)}; }
};

/// server: one more message of a request that streams
struct MessageEvent {
  std::int32_t server = 0;
  CallId call;
  ByteSpan payload;
  std::uint32_t string_fields = 0;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kMessage,
            .owner = server,
            .id_low = call.low,
            .id_high = call.high,
            .flags = flags,
            .payload = payload,
            .string_fields = string_fields};
  }
};

/// server: no more messages will come
struct HalfCloseEvent {
  std::int32_t server = 0;
  CallId call;

  operator Event() const {
    return {.kind = EventKind::kHalfClose, .owner = server, .id_low = call.low, .id_high = call.high};
  }
};

/// server: so many more bytes of messages may be sent
struct RoomEvent {
  std::int32_t server = 0;
  CallId call;
  std::int32_t bytes = 0;

  operator Event() const {
    return {.kind = EventKind::kRoom, .owner = server, .id_low = call.low, .id_high = call.high, .code = bytes};
  }
};

/// client: the metadata before the replies of a call
struct ReplyHeadersEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  std::string_view text;

  operator Event() const {
    return {.kind = EventKind::kReplyHeaders,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .text = as_bytes(text)};
  }
};

/// client: one reply of a call; more, or its end, follow
struct ReplyMessageEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  ByteSpan payload;
  std::uint32_t string_fields = 0;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kReplyMessage,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .flags = flags,
            .payload = payload,
            .string_fields = string_fields};
  }
};

/// client: the end of a call of which more was told before, or whose end has metadata
struct CallEndEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  Status status;
  /// the metadata behind the replies
  ByteSpan payload;
  std::uint32_t string_fields = 0;
  /// the message of the error
  std::string_view text;
  std::int32_t flags = 0;

  operator Event() const {
    return {.kind = EventKind::kCallEnd,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .code = status.word(),
            .flags = flags,
            .payload = payload,
            .string_fields = string_fields,
            .text = as_bytes(text),
            .own = status.own};
  }
};

/// client: so many more bytes of requests may be sent
struct RequestRoomEvent {
  std::int32_t endpoint = 0;
  CallHandle handle;
  std::int32_t bytes = 0;

  operator Event() const {
    return {.kind = EventKind::kRequestRoom,
            .owner = endpoint,
            .id_low = handle.index,
            .id_high = handle.generation,
            .code = bytes};
  }
};

/// client: the handshake of a connection waits for whether its server is the right one
struct ServerCheckEvent {
  std::int32_t endpoint = 0;
  std::uint32_t link = 0;
  /// its number
  std::int32_t question = 0;
  /// the certificate
  ByteSpan payload;
  std::uint32_t string_fields = 0;

  operator Event() const {
    return {.kind = EventKind::kServerCheck,
            .owner = endpoint,
            .id_low = link,
            .code = question,
            .payload = payload,
            .string_fields = string_fields};
  }
};

}  // namespace rocket::rpc
