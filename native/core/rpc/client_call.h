#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "rpc/boundary.h"

namespace rocket::rpc {

/// Names a client call for JavaScript: an index into its table of pending calls, and that entry's generation.
struct CallHandle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
};

/// A method of a channel.
struct ClientMethod {
  std::string wire_name;
  std::uint32_t string_fields = 0;  ///< of its reply (Event::string_fields)
  MethodKind kind = MethodKind::kUnary;
};

/// A call as handed over by the JavaScript thread; the views are valid until it has been started.
struct CallRequest {
  CallHandle handle;
  const ClientMethod* method = nullptr;
  SteadyMs deadline = 0;
  ByteSpan body;
  OwnedBytes large_body;       ///< used instead of `body` when not empty
  std::size_t lost_bytes = 0;  ///< length of a body that could not be allocated
  std::string_view metadata;
  std::string_view msg_id;  ///< empty: create a new one
  bool open = false;        ///< its requests stream, so it has no body
  bool compressed = false;  ///< the body is compressed

  ByteSpan payload() const { return large_body.empty() ? body : large_body.span(); }
};

}  // namespace rocket::rpc
