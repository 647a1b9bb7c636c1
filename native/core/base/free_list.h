#pragma once

#include <cstddef>

namespace rocket {

/// Slots of a table that are free, the one freed last first, and how many are taken. `Slot` has a `next_free`.
template <typename Slot>
class FreeList {
 public:
  bool empty() const { return first_ == nullptr; }
  /// The one that take() would return; null when there is none.
  Slot* next() const { return first_; }
  std::size_t taken() const { return taken_; }

  /// There must be one.
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
  /// One that was never taken.
  void add(Slot& slot) {
    slot.next_free = first_;
    first_ = &slot;
  }

 private:
  Slot* first_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace rocket
