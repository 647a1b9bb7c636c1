#include "log/writer.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace rocket::log {

namespace {

constexpr Millis kFirstErrorPause{100};
constexpr Millis kLongestErrorPause{1000};
/// Limit for finished files that nobody collects for compression.
constexpr std::size_t kMostRolled = 1000;

}  // namespace

Writer::Writer(Parts& parts) : parts_(parts), output_(parts.options.output, parts.files) {
  output_.on_rolled = [this](const std::string& path) {
    files_rolled_.fetch_add(1, std::memory_order_relaxed);
    output_.on_left(path);
  };
  output_.on_left = [this](const std::string& path) {
    const std::lock_guard lock(paths_mutex_);
    rolled_.push_back(path);
    if (rolled_.size() > kMostRolled) rolled_.erase(rolled_.begin());
  };
}

void Writer::open() {
  if (const int error = output_.open(); error < 0) on_error(-error);
}

void Writer::run() {
  parts_.crash_pause.set_writer();
  for (;;) {
    if (parts_.queue.front() == nullptr) parts_.writer_wake.wait([&] { return parts_.queue.front() != nullptr; });
    Batch* const batch = parts_.queue.front();
    if (batch == nullptr) break;
    parts_.crash_pause.begin_writing();
    const bool written = write_batch(*batch);
    const std::size_t size = batch->size;
    count_written(*batch, written);
    if (written) finish_flush(batch->flush_ticket);
    parts_.queue.pop();
    parts_.crash_pause.end_writing();
    if (parts_.room.give_back(size)) parts_.gatherer_wake.nudge();
    if (!written) break;
  }
  output_.close();
  parts_.flushes.end();
}

bool Writer::write_batch(Batch& batch) {
  Millis pause = kFirstErrorPause;
  while (batch.written.load(std::memory_order_relaxed) < batch.size) {
    if (parts_.ending.abandoned()) return false;
    const std::size_t from = batch.written.load(std::memory_order_relaxed);
    parts_.crash_pause.begin_call();
    const auto written = output_.write({batch.text.get() + from, batch.size - from});
    if (written > 0) batch.written.store(from + static_cast<std::size_t>(written), std::memory_order_release);
    parts_.crash_pause.end_call();
    if (written > 0) {
      on_written(static_cast<std::uint64_t>(written));
      pause = kFirstErrorPause;
    } else if (written == -EAGAIN) {
      output_.wait(50);
    } else if (written != -EINTR) {
      on_error(static_cast<int>(-written));
      parts_.writer_wake.pause(pause, [&] { return parts_.ending.abandoned(); });
      pause = std::min(pause * 2, kLongestErrorPause);
    }
  }
  return true;
}

void Writer::on_written(std::uint64_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (parts_.disk.on_written()) parts_.losses.on_written();
}

void Writer::on_error(int error) {
  parts_.disk.on_error(error);
  parts_.losses.on_write_error(steady_now_ms(), parts_.disk.reason());
}

void Writer::count_written(const Batch& batch, bool whole) {
  const std::string_view text(batch.text.get(), batch.written.load(std::memory_order_relaxed));
  // The log's own line is the last one.
  parts_.flushes.count_written(
      whole ? batch.lines
            : std::min(batch.lines, static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'))));
}

void Writer::finish_flush(std::uint64_t ticket) {
  {
    const std::lock_guard lock(paths_mutex_);
    path_ = output_.path();
  }
  if (!parts_.flushes.is_due(ticket)) return;
  int error = 0;
  if (parts_.flushes.wants_sync()) {
    parts_.crash_pause.begin_call();
    error = output_.sync();
    parts_.crash_pause.end_call();
    if (error < 0) on_error(-error);
  }
  parts_.flushes.set_done(ticket, error >= 0);
}

std::string Writer::path() const {
  const std::lock_guard lock(paths_mutex_);
  return path_;
}

std::vector<std::string> Writer::take_rolled() {
  const std::lock_guard lock(paths_mutex_);
  return std::exchange(rolled_, {});
}

}  // namespace rocket::log
