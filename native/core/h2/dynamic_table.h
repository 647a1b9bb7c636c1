#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "h2/field.h"

namespace rocket::h2 {

/// The decoder's dynamic table (RFC 7541, 2.3.2). Takes no memory before the first entry, and at most 9 KiB.
///
/// Names and values lie one after another in one block, so that a field is two views into it. Entries are added at the
/// end of the block; when it is full, the live ones are moved to its front.
class DynamicTable {
 public:
  static constexpr std::uint32_t kMaxBytes = 4096;  ///< SETTINGS_HEADER_TABLE_SIZE, its default, is never changed

  std::uint32_t count() const { return count_; }
  std::uint32_t bytes() const { return bytes_; }
  /// Counts all changes of the table. While it stays the same, equal blocks decode to equal fields.
  std::uint64_t changes() const { return changes_; }
  /// Heap memory in use.
  std::size_t memory_bytes() const { return text_.size() + slots_block_.size(); }

  /// The entry with index `age`, 0 being the newest; `age` is below count(). Valid until the next insert().
  void get(std::uint32_t age, Field& out) const {
    const auto& entry = entries()[(first_ + count_ - 1 - age) & (slots_ - 1)];
    const char* at = reinterpret_cast<const char*>(text_.data()) + entry.at;
    out.name = {at, entry.name_size};
    out.value = {at + entry.name_size, entry.value_size};
    out.tag = entry.tag;
    out.good_value = entry.good_value;
    out.never_index = false;
  }

  enum class Inserted : std::uint8_t { kYes, kTooLarge, kNoMemory };
  /// Adds a field, whose views may point into the table, and evicts the entries that it displaces. kYes: `field` points
  /// to the copy now. kTooLarge: the table is empty, which is no error, and the views are still valid.
  Inserted insert(Field& field);

  /// `max_bytes` is not over kMaxBytes.
  void resize(std::uint32_t max_bytes);

 private:
  static constexpr std::uint32_t kFirstSlots = 8;
  static constexpr std::uint32_t kMostSlots = kMaxBytes / 32;
  static constexpr std::uint32_t kFirstTextBytes = 512;
  static constexpr std::uint32_t kMostTextBytes = 2 * kMaxBytes;

  struct Entry {
    std::uint16_t at;
    std::uint16_t name_size;
    std::uint16_t value_size;
    Tag tag;
    bool good_value;
  };
  static_assert(sizeof(Entry) == 8);
  static_assert(kMostTextBytes <= 0xffff && (kMostSlots & (kMostSlots - 1)) == 0);

  Entry* entries() { return reinterpret_cast<Entry*>(slots_block_.data()); }
  const Entry* entries() const { return reinterpret_cast<const Entry*>(slots_block_.data()); }
  bool make_room(std::uint32_t size, Field& field);
  bool make_slot();
  void evict_to(std::uint32_t bytes);

  OwnedBytes text_;
  OwnedBytes slots_block_;
  std::uint32_t text_end_ = 0;
  std::uint32_t slots_ = 0;  ///< a power of two, or 0
  std::uint32_t first_ = 0;  ///< the oldest
  std::uint32_t count_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint32_t max_bytes_ = kMaxBytes;
  std::uint64_t changes_ = 0;
};

}  // namespace rocket::h2
