#pragma once

#include <memory>
#include <string>
#include <utility>

#include "log/batch_queue.h"
#include "log/buffer_registry.h"
#include "log/files.h"
#include "log/flush_tickets.h"
#include "log/handshakes.h"
#include "log/logger_options.h"
#include "log/losses.h"

namespace rocket::log {

/// What the gatherer, the writer and the threads that log share.
struct Parts {
  Parts(const LoggerOptions& options, std::shared_ptr<Files> files, std::string name)
      : options(options), files(std::move(files)), losses(std::move(name), this->files) {}

  const LoggerOptions options;
  const std::shared_ptr<Files> files;
  BufferRegistry buffers;
  BatchQueue queue;
  QueueRoom room;
  GathererWake gatherer_wake;
  WriterWake writer_wake;
  DiskState disk;
  FlushTickets flushes{disk};
  Ending ending;
  CrashPause crash_pause;
  Losses losses;
};

}  // namespace rocket::log
