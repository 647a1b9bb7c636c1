#pragma once

#include <cstdint>

namespace rocket {

/// Sets the name that perf, top and debuggers show. At most 15 characters.
void name_this_thread(const char* name);

/// The system's id of the thread (gettid(2); on macOS its low half). Async-signal-safe.
std::int32_t system_thread_id() noexcept;

}  // namespace rocket
