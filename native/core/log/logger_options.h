#pragma once

#include <cstddef>

#include "base/clock.h"
#include "log/level.h"
#include "log/output.h"

namespace rocket::log {

struct LoggerOptions {
  OutputOptions output;
  Format format = Format::kText;
  Policy policy = Policy::kDropNewest;
  /// Of each half of a thread's buffer.
  std::size_t buffer_bytes = 1024 * 1024;
  /// Bytes that may wait for the writer; when they do, lines stay in their threads' buffers.
  std::size_t queue_bytes = 16 * 1024 * 1024;
  Millis gather_every{200};
  /// The longest a caller, the end of the log, or the end of the process waits for the disk.
  Millis flush_timeout{1000};
};

}  // namespace rocket::log
