#include "io/write_queue.h"

namespace rocket::io {

std::uint8_t* WriteQueue::append(std::size_t size) {
  bytes_ += size;
  if (first_ < pieces_.size()) {
    Piece& last = pieces_.back();
    if (last.pooled && last.block.size() - last.end >= size) {
      std::uint8_t* at = last.block.data() + last.end;
      last.end += size;
      return at;
    }
  }
  const bool pooled = size <= ChunkPool::kChunkBytes;
  pieces_.push_back({pooled ? pool_.take() : OwnedBytes(size), 0, size, pooled});
  return pieces_.back().block.data();
}

void WriteQueue::append_block(OwnedBytes block) {
  if (block.empty()) return;
  const std::size_t size = block.size();
  bytes_ += size;
  pieces_.push_back({std::move(block), 0, size, false});
}

void WriteQueue::prepend(ByteSpan bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(first_),
                 {OwnedBytes::copy_of(bytes), 0, bytes.size(), false});
}

std::size_t WriteQueue::gather(iovec* out, std::size_t most) const {
  std::size_t count = 0;
  for (std::size_t i = first_; i < pieces_.size() && count < most; ++i) {
    const Piece& piece = pieces_[i];
    auto* base = const_cast<std::uint8_t*>(piece.block.data());  // iovec has no const form
    out[count++] = {base + piece.begin, piece.end - piece.begin};
  }
  return count;
}

void WriteQueue::consume(std::size_t written) {
  bytes_ -= written;
  while (written > 0) {
    Piece& piece = pieces_[first_];
    const std::size_t here = piece.end - piece.begin;
    if (written < here) {
      piece.begin += written;
      return;
    }
    written -= here;
    drop_front();
  }
}

void WriteQueue::drop_front() {
  Piece& piece = pieces_[first_];
  if (piece.pooled) pool_.give(std::move(piece.block));
  piece.block = OwnedBytes();
  ++first_;
  if (first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
    if (pieces_.capacity() > 8) pieces_.shrink_to_fit();
  } else if (first_ >= 64 && first_ * 2 >= pieces_.size()) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void WriteQueue::clear() {
  while (first_ < pieces_.size()) drop_front();
  bytes_ = 0;
}

}  // namespace rocket::io
