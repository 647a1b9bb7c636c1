#pragma once

#include <cstddef>

namespace rocket {

/// Free slots of a table, the one freed last first, and the number of slots in use. `Slot` has a `next_free`.
template <typename Slot>
class FreeList {
 public:
  bool empty() const { return first_ == nullptr; }
  /// The slot that take() would return; null if there is none.
  Slot* next() const { return first_; }
  std::size_t taken() const { return taken_; }

  /// There must be a free slot.
  Slot& take() {
    Slot& slot = *first_;
    first_ = slot.next_free;
    slot.next_free = nullptr;
    ++taken_;
    return slot;
  }
  void give_back(Slot& slot) {
    add(slot);
    --taken_;
  }
  /// Adds a slot that was never in use.
  void add(Slot& slot) {
    slot.next_free = first_;
    first_ = &slot;
  }

 private:
  Slot* first_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace rocket
