#include "log/logger.h"

#include <unistd.h>

#include <string_view>
#include <utility>

#include "base/this_thread.h"
#include "base/utf8.h"
#include "log/ending_signals.h"

namespace rocket::log {

namespace {

std::atomic<std::uint64_t> next_number{1};

/// The buffers of one thread, for all loggers it has written to.
struct ThreadBuffers {
  struct Entry {
    std::uint64_t logger;
    std::shared_ptr<Buffer> buffer;
  };
  std::vector<Entry> entries;

  ~ThreadBuffers() {
    for (const auto& entry : entries) entry.buffer->set_gone();
  }
};
thread_local ThreadBuffers thread_buffers;

/// For whoever runs the process.
std::string name_of(const OutputOptions& output) {
  if (output.folder.empty()) return output.fd == STDERR_FILENO ? "on stderr" : "on stdout";
  return output.folder + "/" + output.name;
}

/// A thread of the log.
template <typename Run>
std::thread start(const char* name, Run run) {
  return std::thread([name, run = std::move(run)] {
    name_this_thread(name);
    block_ending_signals();
    run();
  });
}

}  // namespace

std::shared_ptr<Logger> Logger::open(const LoggerOptions& options, std::shared_ptr<Files> files) {
  const std::shared_ptr<Logger> logger(new Logger(options, std::move(files)));
  logger->writer_.open();
  logger->gatherer_thread_ = start("log", [logger] { logger->gatherer_.run(); });
  logger->writer_thread_ = start("log-writer", [logger] { logger->writer_.run(); });
  return logger;
}

Logger::Logger(const LoggerOptions& options, std::shared_ptr<Files> files)
    : parts_(options, std::move(files), name_of(options.output)),
      gatherer_(parts_),
      writer_(parts_),
      number_(next_number.fetch_add(1)) {}

Logger::~Logger() = default;

Buffer& Logger::buffer_of_this_thread() {
  auto& entries = thread_buffers.entries;
  for (const auto& entry : entries) {
    if (entry.logger == number_) return *entry.buffer;
  }
  std::erase_if(entries, [](const auto& entry) { return entry.buffer.use_count() == 1; });  // their logger has ended
  entries.push_back({number_, add_buffer()});
  return *entries.back().buffer;
}

std::shared_ptr<Buffer> Logger::add_buffer() { return parts_.buffers.add(parts_.options.buffer_bytes); }

void Logger::write(Line line) {
  if (!enabled(line.level)) return;
  if (parts_.ending.stopping()) return count_late();
  line.unix_ms = parts_.files->unix_ms();
  line.tid = thread_id();
  Buffer& buffer = buffer_of_this_thread();
  if (put(buffer, line)) return;
  // The line does not fit even into an empty half.
  std::string message(cut_utf8(line.message, parts_.options.buffer_bytes / 8));
  message += kCutMark;
  line.message = message;
  line.msg_id = cut_utf8(line.msg_id, 100);
  line.method = cut_utf8(line.method, 200);
  put(buffer, line);
}

bool Logger::put(Buffer& buffer, const Line& line) {
  for (;;) {
    const auto room = buffer.enter();
    if (const std::size_t size = write_line(room, parts_.options.format, line); size > 0) {
      const bool filling = buffer.commit(size);
      buffer.leave();
      if (filling || line.level >= Level::kError) nudge();
      return true;
    }
    if (room.size() == buffer.half_bytes()) {
      buffer.leave();
      return false;
    }
    buffer.leave();
    if (buffer.switch_halves()) continue;
    if (parts_.options.policy == Policy::kDropOldest) {
      buffer.enter();
      buffer.drop_lines();
      buffer.leave();
      continue;
    }
    if (parts_.options.policy == Policy::kDropNewest || !wait_for_room(buffer, buffer.entered())) {
      buffer.count_dropped();
      return true;
    }
  }
}

bool Logger::wait_for_room(const Buffer& buffer, std::int32_t half) {
  nudge();
  parts_.gatherer_wake.wait_for_room(parts_.options.flush_timeout,
                                     [&] { return buffer.has_room_after(half) || parts_.ending.stopping(); });
  return buffer.has_room_after(half);
}

std::uint64_t Logger::ask_flush(bool sync) {
  const std::uint64_t ticket = parts_.flushes.ask(sync);
  nudge();
  return ticket;
}

void Logger::flush_then(Millis most, bool sync, FlushWaiters::Done done) {
  if (parts_.flushes.ask_then(most, sync, parts_.ending, std::move(done))) nudge();
}

LoggerStats Logger::stats() const {
  const auto buffers = parts_.buffers.totals();
  LoggerStats stats;
  stats.buffers = buffers.buffers;
  stats.buffer_bytes = buffers.memory_bytes;
  stats.queued_bytes = parts_.room.taken();
  stats.lines = gatherer_.lines();
  stats.lines_written = parts_.flushes.lines_written();
  stats.lines_dropped = buffers.lines_dropped + parts_.losses.late() + parts_.flushes.lines_lost();
  stats.bytes_written = writer_.bytes();
  stats.write_errors = parts_.disk.errors();
  stats.files_rolled = writer_.files_rolled();
  stats.last_error = parts_.disk.last_error();
  stats.path = writer_.path();
  return stats;
}

}  // namespace rocket::log
