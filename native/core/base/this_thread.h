#pragma once

#include <cstdint>

namespace rocket {

/// What perf, top and debuggers show. At most 15 characters.
void name_this_thread(const char* name);

/// The number the system knows it by (gettid(2); on macOS its low half). Async-signal-safe.
std::int32_t system_thread_id() noexcept;

}  // namespace rocket
