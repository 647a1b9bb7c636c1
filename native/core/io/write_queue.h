#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "io/chunk_pool.h"

namespace rocket::io {

/// The bytes a connection still has to write, in order: small frames packed into pooled chunks, large bodies as blocks
/// of their own that are never copied again. Belongs to one io thread. The connection limits its size.
class WriteQueue {
 public:
  explicit WriteQueue(ChunkPool& pool) : pool_(pool) {}
  ~WriteQueue() { clear(); }
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  /// `size` contiguous bytes at the end of the queue, to be filled by the caller before anything else happens to it.
  std::uint8_t* append(std::size_t size);
  /// Queues a block without copying it.
  void append_block(OwnedBytes block);
  /// Puts a copy of `bytes` at the front: the rest of a frame partly written by a direct send.
  void prepend(ByteSpan bytes);

  /// Fills up to `most` entries with the next bytes to write; returns the number of entries.
  std::size_t gather(iovec* out, std::size_t most) const;
  void consume(std::size_t written);
  void clear();

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

 private:
  struct Piece {
    OwnedBytes block;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool pooled = false;
  };
  void drop_front();

  ChunkPool& pool_;
  std::vector<Piece> pieces_;  // a vector: an empty deque already costs half a kilobyte
  std::size_t first_ = 0;      // pieces before it are written
  std::size_t bytes_ = 0;
};

}  // namespace rocket::io
