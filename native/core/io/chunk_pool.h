#pragma once

#include <cstddef>
#include <vector>

#include "base/bytes.h"

namespace rocket::io {

/// Recycles the fixed-size buffers that small frames are written into. Keeps a bounded number and frees the rest.
/// Belongs to one io thread.
class ChunkPool {
 public:
  static constexpr std::size_t kChunkBytes =
      8 * 1024 - 64;  // not a power of two, so that chunks do not share cache sets

  OwnedBytes take() {
    if (free_.empty()) return OwnedBytes(kChunkBytes);
    OwnedBytes chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
  }
  void give(OwnedBytes chunk) {
    if (free_.size() < kKept) free_.push_back(std::move(chunk));
  }
  std::size_t kept_bytes() const { return free_.size() * kChunkBytes; }

 private:
  static constexpr std::size_t kKept = 128;
  std::vector<OwnedBytes> free_;
};

}  // namespace rocket::io
