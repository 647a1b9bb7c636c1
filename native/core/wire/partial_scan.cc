#include "wire/partial_scan.h"

#include <algorithm>
#include <cstring>

#include "wire/frame.h"

namespace rocket::wire {

namespace {

/// A frame in its three parts, as one row of bytes up to its end byte: with that one it is whole.
class Row {
 public:
  Row(ByteSpan prefix, ByteSpan body, std::uint32_t checksum) : prefix_(prefix), body_(body) {
    store_be32(checksum_, checksum);
  }

  std::size_t checksum_at() const { return prefix_.size() + body_.size(); }
  std::size_t size() const { return checksum_at() + sizeof checksum_; }
  std::uint8_t operator[](std::size_t at) const {
    if (at < prefix_.size()) return prefix_[at];
    at -= prefix_.size();
    return at < body_.size() ? body_[at] : checksum_[at - body_.size()];
  }

  bool misread_at(std::size_t start, Cut cut) const {
    if ((*this)[start] != kStartByte || start + 1 >= size()) return false;
    if (cut == Cut::kAnywhere && (*this)[start - 1] == kEndByte && (*this)[start + 1] == 0) return true;
    if (start + 4 >= size()) return false;
    std::uint8_t bytes[4];
    for (std::size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (*this)[start + 1 + i];
    const auto end = static_cast<std::int64_t>(start) + static_cast<std::int32_t>(load_be32(bytes)) - 1;
    return end >= 0 && end < static_cast<std::int64_t>(size()) && (*this)[static_cast<std::size_t>(end)] == kEndByte;
  }

 private:
  const ByteSpan prefix_;
  const ByteSpan body_;
  std::uint8_t checksum_[4];
};

}  // namespace

std::int32_t safe_time_left(std::int32_t left_ms) {
  const auto left = static_cast<std::uint32_t>(left_ms);
  if (left >> 8 == 0x030200) return 0x0301ffff;
  return (left & 0xffff) == 0x0302 || (left & 0xffffff) == 0x030200 ? left_ms - 1 : left_ms;
}

bool misread_while_partial(ByteSpan prefix, ByteSpan body, std::uint32_t checksum, Cut cut) {
  const Row row(prefix, body, checksum);
  // The first byte is the frame's own start.
  for (std::size_t at = 1; at < prefix.size(); ++at) {
    const void* found = std::memchr(prefix.data() + at, kStartByte, prefix.size() - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - prefix.data());
    if (row.misread_at(at, cut)) return true;
  }
  // A start in the body whose length reaches into the checksum, and one in the checksum.
  const std::size_t checksum_at = row.checksum_at();
  const std::size_t first = std::max(prefix.size(), checksum_at < 4 ? 0 : checksum_at - 4);
  for (std::size_t at = first; at < row.size(); ++at) {
    const bool next_is_ours = at + 1 >= checksum_at;
    if (row.misread_at(at, next_is_ours ? cut : Cut::kAsSent)) return true;
  }
  return false;
}

}  // namespace rocket::wire
