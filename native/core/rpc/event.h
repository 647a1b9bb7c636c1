#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "rpc/boundary.h"

namespace rocket::rpc {

/// An event before it is copied into the slab; the spans need to be valid only until then. The meaning of a word
/// depends on the kind: events are made from the structs in events.h, which name the words.
struct Event {
  EventKind kind;
  std::int32_t owner = 0;
  std::uint32_t id_low = 0;
  std::uint32_t id_high = 0;
  std::int32_t code = 0;
  std::int32_t time_ms = 0;
  std::int32_t flags = 0;
  ByteSpan payload;
  std::uint32_t string_fields = 0;  ///< bit n: field n of the payload's message is a string
  ByteSpan text;                    ///< of a kRequest its metadata, in its head
  std::int32_t own = 0;             ///< the last word, except of a kRequest
  std::string_view peer;            ///< kRequest: `ip:port` of the caller, in its head
  std::string_view msg_id;          ///< kRequest: in its head; the last word says where that is (Inbox::Batch::heads)
};

}  // namespace rocket::rpc
