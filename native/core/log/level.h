#pragma once

#include <cstdint>
#include <string_view>

namespace rocket::log {

/// pino's numbers.
enum class Level : std::int32_t { kTrace = 10, kDebug = 20, kInfo = 30, kWarn = 40, kError = 50, kFatal = 60 };

inline std::string_view name_of(Level level) {
  switch (level) {
    case Level::kTrace: return "TRACE";
    case Level::kDebug: return "DEBUG";
    case Level::kInfo: return "INFO";
    case Level::kWarn: return "WARN";
    case Level::kError: return "ERROR";
    case Level::kFatal: return "FATAL";
  }
  return "?";
}

/// What happens to a line for which its thread's buffer has no room.
enum class Policy : std::uint8_t {
  kDropNewest,  ///< the line is dropped
  kDropOldest,  ///< the lines in the half being filled are dropped
  kBlock,       ///< the thread waits for room, at most flush_timeout; then the line is dropped
};

enum class Format : std::uint8_t { kText, kJson };

}  // namespace rocket::log
