#pragma once

#include <chrono>
#include <cstdint>

namespace rocket {

using Millis = std::chrono::milliseconds;

/// Whole milliseconds of the steady clock since an arbitrary start (Linux: boot). Every deadline of the core is one.
using SteadyMs = std::int64_t;

inline SteadyMs steady_now_ms() {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace rocket
