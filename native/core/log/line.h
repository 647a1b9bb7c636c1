#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "log/level.h"

namespace rocket::log {

/// The contents of a line logged by C++. Empty views are left out (JSON) or written as `-` (text).
struct Line {
  Level level = Level::kInfo;
  std::int64_t unix_ms = 0;
  std::int32_t tid = 0;
  std::string_view msg_id;
  std::string_view method;
  std::string_view file;
  std::int32_t line = 0;
  std::string_view message;
};

/// Writes the line with its end into `room`, newlines and control bytes escaped, without allocating. 0 when it does not
/// fit.
///
/// Text, as the C++ original has it, milliseconds padded and in local time:
/// `[INFO]\t[26-11-22 08:01:02.345]\t[pid:tid]\t[msgid]\t[method]\t[file:line]\tmessage`; JSON with pino's names.
std::size_t write_line(std::span<char> room, Format format, const Line& line);

/// The end of a truncated line.
inline constexpr std::string_view kCutMark = "…[cut]";

/// The process id, as in every line. Read once.
std::int32_t process_id();
/// The kernel's id of the calling thread. Read once per thread.
std::int32_t thread_id();

}  // namespace rocket::log
