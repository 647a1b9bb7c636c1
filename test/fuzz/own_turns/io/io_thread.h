#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rocket::io {

/// What native/core/tls needs of an io thread, in place of native/core/io/io_thread.h: this one has no thread, and its
/// turns are the fuzzer's.
class IoThread {
 public:
  /// Every turn has one step.
  bool take_heavy_step() { return steps_-- > 0; }
  void next_turn() { steps_ = 1; }
  std::span<std::uint8_t> scratch(std::size_t size) {
    if (scratch_.size() < size) scratch_.resize(size);
    return scratch_;
  }

 private:
  int steps_ = 1;
  std::vector<std::uint8_t> scratch_;
};

}  // namespace rocket::io
