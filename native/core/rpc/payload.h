#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace rocket::rpc {

/// A message to be sent.
struct Payload {
  ByteSpan bytes;
  OwnedBytes block;  ///< used instead of `bytes` when not empty
  bool compressed = false;
  std::size_t lost_bytes = 0;  ///< length of a message that could not be allocated

  ByteSpan span() const { return block.empty() ? bytes : block.span(); }
};

}  // namespace rocket::rpc
