#pragma once

namespace rocket {

/// A link of an intrusive circular list; the head of a list is a link that is in no object. A link does not know its
/// owner: before an object is destroyed, its links must be removed.
struct ListLink {
  ListLink* prev = this;
  ListLink* next = this;

  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;

  bool empty() const { return next == this; }

  void push_back(ListLink& node) {
    node.prev = prev;
    node.next = this;
    prev->next = &node;
    prev = &node;
  }
  void unlink() {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
  /// Appends all of `from`, which is empty afterwards.
  void take_all(ListLink& from) {
    if (from.empty()) return;
    from.next->prev = prev;
    from.prev->next = this;
    prev->next = from.next;
    prev = from.prev;
    from.prev = from.next = &from;
  }
};

}  // namespace rocket
