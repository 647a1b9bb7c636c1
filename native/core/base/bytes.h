#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace rocket {

using ByteSpan = std::span<const std::uint8_t>;

inline std::uint32_t load_be32(const std::uint8_t* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}

inline void store_be32(std::uint8_t* at, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Whether two short texts are equal. Cheaper than a call of memcmp(), and always inlined, so that no view is copied.
[[gnu::always_inline]] inline bool same_text(const std::string_view& a, const std::string_view& b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto differ = [&](std::size_t at) {
    std::uint64_t mine, other;
    std::memcpy(&mine, a.data() + at, sizeof mine);
    std::memcpy(&other, b.data() + at, sizeof other);
    return mine != other;
  };
  if (size < sizeof(std::uint64_t)) {
    for (std::size_t i = 0; i < size; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  const std::size_t last = size - sizeof(std::uint64_t);
  for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) {
    if (differ(at)) return false;
  }
  return !differ(last);  // the last eight, wherever they begin
}

/// A heap block with one owner. Not zeroed.
///
/// Blocks whose size a peer or a user chooses are created with try_copy_of() or grown with try_grow(): running out of
/// memory then fails one call, and not the process.
class OwnedBytes {
 public:
  OwnedBytes() = default;
  /// Throws std::bad_alloc.
  explicit OwnedBytes(std::size_t size)
      : data_(static_cast<std::uint8_t*>(std::malloc(size == 0 ? 1 : size))), size_(size) {
    if (!data_) throw std::bad_alloc();
  }
  OwnedBytes(OwnedBytes&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  OwnedBytes& operator=(OwnedBytes&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  static OwnedBytes copy_of(ByteSpan bytes) {
    OwnedBytes block(bytes.size());
    if (!bytes.empty()) std::memcpy(block.data(), bytes.data(), bytes.size());
    return block;
  }
  /// Empty when there is no memory for it.
  static OwnedBytes try_copy_of(ByteSpan bytes) {
    OwnedBytes block;
    if (block.try_grow(bytes.size()) && !bytes.empty()) std::memcpy(block.data(), bytes.data(), bytes.size());
    return block;
  }

  /// Makes it `size` bytes long and keeps its contents. False, and nothing is changed, if there is no memory.
  bool try_grow(std::size_t size) {
    auto* larger = static_cast<std::uint8_t*>(std::realloc(data_.get(), size == 0 ? 1 : size));
    if (larger == nullptr) return false;
    static_cast<void>(data_.release());
    data_.reset(larger);
    size_ = size;
    return true;
  }

  std::uint8_t* data() { return data_.get(); }
  const std::uint8_t* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteSpan span() const { return {data_.get(), size_}; }

  /// Passes ownership of the malloc'ed block to the caller, who must call free() on it.
  std::uint8_t* release() {
    size_ = 0;
    return data_.release();
  }

 private:
  struct Free {
    void operator()(std::uint8_t* block) const { std::free(block); }
  };
  std::unique_ptr<std::uint8_t, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace rocket
