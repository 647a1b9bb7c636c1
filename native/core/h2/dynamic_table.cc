#include "h2/dynamic_table.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace rocket::h2 {

namespace {

bool points_into(std::string_view text, ByteSpan block) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
  return std::less_equal<>()(block.data(), at) && std::less<>()(at, block.data() + block.size());
}

}  // namespace

DynamicTable::Inserted DynamicTable::insert(Field& field) {
  ++changes_;
  if (field.size() > max_bytes_) {
    evict_to(0);
    return Inserted::kTooLarge;
  }
  const auto size = static_cast<std::uint32_t>(field.name.size() + field.value.size());
  // Room first: the name may be that of an entry which is evicted below.
  if (text_.size() - text_end_ < size && !make_room(size, field)) return Inserted::kNoMemory;
  auto* out = reinterpret_cast<char*>(text_.data()) + text_end_;
  if (!field.name.empty()) std::memcpy(out, field.name.data(), field.name.size());
  if (!field.value.empty()) std::memcpy(out + field.name.size(), field.value.data(), field.value.size());
  evict_to(max_bytes_ - size - 32);
  if (count_ == slots_ && !make_slot()) return Inserted::kNoMemory;
  entries()[(first_ + count_) & (slots_ - 1)] = {
      static_cast<std::uint16_t>(text_end_), static_cast<std::uint16_t>(field.name.size()),
      static_cast<std::uint16_t>(field.value.size()), field.tag, field.good_value};
  ++count_;
  bytes_ += size + 32;
  text_end_ += size;
  field.name = {out, field.name.size()};
  field.value = {out + field.name.size(), field.value.size()};
  return Inserted::kYes;
}

void DynamicTable::resize(std::uint32_t max_bytes) {
  ++changes_;
  max_bytes_ = max_bytes;
  evict_to(max_bytes);
}

void DynamicTable::evict_to(std::uint32_t bytes) {
  while (bytes_ > bytes) {
    const auto& oldest = entries()[first_];
    bytes_ -= oldest.name_size + oldest.value_size + 32U;
    first_ = (first_ + 1) & (slots_ - 1);
    --count_;
  }
}

/// Moves the live entries to the front of the block, and grows it if that is not enough. Those and one entry more
/// fit into kMostTextBytes.
bool DynamicTable::make_room(std::uint32_t size, Field& field) {
  const bool own_name = points_into(field.name, text_.span());
  const auto* name_at = reinterpret_cast<const std::uint8_t*>(field.name.data());
  const std::uint32_t begin = count_ > 0 ? entries()[first_].at : text_end_;
  const std::uint32_t live = text_end_ - begin;
  std::uint32_t name_offset = own_name ? static_cast<std::uint32_t>(name_at - text_.data()) - begin : 0;
  if (live > 0 && begin > 0) {
    std::memmove(text_.data(), text_.data() + begin, live);
    for (std::uint32_t i = 0; i < count_; ++i) {
      auto& entry = entries()[(first_ + i) & (slots_ - 1)];
      entry.at = static_cast<std::uint16_t>(entry.at - begin);
    }
  }
  text_end_ = live;
  if (text_.size() - live < size) {
    auto larger = std::max<std::uint32_t>(static_cast<std::uint32_t>(text_.size()), kFirstTextBytes);
    while (larger - live < size) larger *= 2;
    if (!text_.try_grow(std::min(larger, kMostTextBytes))) return false;
  }
  if (own_name) field.name = {reinterpret_cast<const char*>(text_.data()) + name_offset, field.name.size()};
  return true;
}

bool DynamicTable::make_slot() {
  const std::uint32_t more = slots_ == 0 ? kFirstSlots : 2 * slots_;
  OwnedBytes larger;
  if (!larger.try_grow(more * sizeof(Entry))) return false;
  auto* moved = reinterpret_cast<Entry*>(larger.data());
  for (std::uint32_t i = 0; i < count_; ++i) moved[i] = entries()[(first_ + i) & (slots_ - 1)];
  slots_block_ = std::move(larger);
  slots_ = more;
  first_ = 0;
  return true;
}

}  // namespace rocket::h2
