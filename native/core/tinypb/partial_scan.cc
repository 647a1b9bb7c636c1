#include "tinypb/partial_scan.h"

#include <algorithm>
#include <cstring>

#include "tinypb/frame.h"

namespace rocket::tinypb {

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

// Eight bytes at a time, since this is asked for every reply without a checksum: what is not 0 where a byte of `bytes`
// is the start byte (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
std::uint64_t start_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t zeros = bytes ^ (kOnes * kStartByte);
  return (zeros - kOnes) & ~zeros & (kOnes << 7);
}

std::uint64_t start_bytes(std::uint32_t first, std::uint32_t second) {
  return start_bytes(std::uint64_t{first} << 32 | second);
}

std::uint64_t start_bytes(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t found = 0;
  std::uint64_t bytes = 0;
  if (left < sizeof bytes) {
    for (; left > 0; --left) found |= *at++ == static_cast<char>(kStartByte) ? 1 : 0;
    return found;
  }
  for (; left > sizeof bytes; at += sizeof bytes, left -= sizeof bytes) {
    std::memcpy(&bytes, at, sizeof bytes);
    found |= start_bytes(bytes);
  }
  // The last eight, wherever they begin.
  std::memcpy(&bytes, at + left - sizeof bytes, sizeof bytes);
  return found | start_bytes(bytes);
}

}  // namespace

bool holds_start_byte(std::string_view name) { return start_bytes(name) != 0; }

bool holds_start_byte(const FrameHead& head, ByteSpan body, bool method_holds) {
  // Of the body only what the checksum's bytes may complete to a length.
  const ByteSpan end = body.last(std::min<std::size_t>(body.size(), 4));
  const auto number = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
  const std::uint64_t found = start_bytes(number(frame_bytes(head, body.size())), number(head.msg_id.size())) |
                              start_bytes(head.msg_id) | start_bytes(as_text(end)) |
                              start_bytes(number(head.method.size()), static_cast<std::uint32_t>(head.err_code));
  if (found != 0 || method_holds) return true;
  return !head.err_info.empty() && (start_bytes(number(head.err_info.size()), 0) | start_bytes(head.err_info)) != 0;
}

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

}  // namespace rocket::tinypb
