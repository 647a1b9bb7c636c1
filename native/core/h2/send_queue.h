#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace rocket::h2 {

/// The data of a stream that the peer's windows do not admit yet. Takes no memory while it is empty.
class SendQueue {
 public:
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  ByteSpan front(std::size_t most) const { return block_.span().subspan(begin_, std::min(most, size())); }

  /// False, and nothing is changed, if there is no memory.
  bool push(ByteSpan bytes) {
    if (bytes.empty()) return true;
    if (begin_ > 0 && begin_ >= block_.size() / 2) {
      std::memmove(block_.data(), block_.data() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (block_.size() - end_ < bytes.size()) {
      const std::size_t needed = end_ + bytes.size();
      if (!block_.try_grow(end_ == 0 ? needed : std::max(needed, 2 * block_.size()))) return false;
    }
    std::memcpy(block_.data() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
  }
  /// Moves all of it out of the queue.
  SendQueue take() {
    SendQueue taken;
    taken.block_ = std::move(block_);
    taken.begin_ = std::exchange(begin_, 0);
    taken.end_ = std::exchange(end_, 0);
    return taken;
  }
  void pop(std::size_t count) {
    begin_ += count;
    if (empty()) clear();
  }
  void clear() {
    block_ = OwnedBytes();
    begin_ = end_ = 0;
  }

 private:
  OwnedBytes block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace rocket::h2
