// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rocket::log {

/// The first words of a thread's log buffer; lib/addon/log-buffer.ts shares them.
namespace control_word {
/// the half being filled: 0 or 1
inline constexpr std::size_t kActive = 0;
/// 0, or 1 + the half the thread is writing a line into
inline constexpr std::size_t kBusy = 1;
/// of whole lines in half 0; half 1 follows
inline constexpr std::size_t kBytes = 2;
/// in half 0; half 1 follows
inline constexpr std::size_t kLines = 4;
/// lines, since the buffer was made
inline constexpr std::size_t kDropped = 6;
}  // namespace control_word

inline constexpr std::size_t kControlBytes = 64;

/// pino's numbers.
enum class Level : std::int32_t {
  kTrace = 10,
  kDebug = 20,
  kInfo = 30,
  kWarn = 40,
  kError = 50,
  kFatal = 60,
};

/// What happens to a line for which its thread's buffer has no room.
enum class Policy : std::uint8_t {
  /// the line is dropped
  kDropNewest = 0,
  /// the lines in the half being filled are dropped
  kDropOldest = 1,
  /// the thread waits for room, at most flush_timeout; then the line is dropped
  kBlock = 2,
};

}  // namespace rocket::log
