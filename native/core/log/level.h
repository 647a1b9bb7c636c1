#pragma once

#include <cstdint>
#include <string_view>

#include "log/boundary.h"

namespace rocket::log {

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

enum class Format : std::uint8_t { kText, kJson };

}  // namespace rocket::log
