#pragma once

#include <cstdint>

#include "rpc/boundary.h"

namespace rocket::rpc {

/// Names a server call across threads: `low` is io thread and slot, `high` is the generation.
struct CallId {
  std::uint32_t low = 0;
  std::uint32_t high = 0;

  static CallId first(std::uint32_t io_thread, std::uint32_t slot) { return {io_thread << kSlotBits | slot, 0}; }
  std::uint32_t io_thread() const { return low >> kSlotBits; }
  std::uint32_t slot() const { return low & ((1U << kSlotBits) - 1); }
};

}  // namespace rocket::rpc
