#include "log/logger.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/this_thread.h"

namespace rocket::log {

namespace {

std::atomic<std::uint64_t> next_number{1};

/// For a thread to leave the line it is writing.
constexpr Millis kBusyRetry{1};
constexpr Millis kFirstErrorPause{100};
constexpr Millis kLongestErrorPause{1000};
/// Room in a batch for the line about dropped lines.
constexpr std::size_t kNoteBytes = 512;

/// The buffers of one thread, of all loggers it has written to.
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

/// At most `bytes` of the text, without half a character at its end.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

/// For a handler of a fatal signal, until `give_up`. False when not everything is written.
bool write_all(int fd, std::string_view text, SteadyMs give_up) noexcept {
  if (fd < 0) return text.empty();
  struct stat about {};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  while (!text.empty()) {
    std::size_t most = text.size();
    if (!regular) {
      // A pipe may be blocking. One that has room for anything has room for PIPE_BUF bytes.
      most = std::min<std::size_t>(most, PIPE_BUF);
      const SteadyMs left = give_up - steady_now_ms();
      pollfd one{fd, POLLOUT, 0};
      if (left <= 0 || ::poll(&one, 1, static_cast<int>(std::min<SteadyMs>(left, INT_MAX))) == 0) return false;
    }
    const auto written = ::write(fd, text.data(), most);
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
      return false;
    }
  }
  return true;
}

void sleep_ms(long ms) noexcept {
  timespec pause{0, ms * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

/// The process is being ended by another thread.
[[noreturn]] void wait_for_the_end() noexcept {
  for (;;) sleep_ms(100);
}

/// For whoever runs the process.
std::string name_of(const OutputOptions& output) {
  if (output.folder.empty()) return output.fd == STDERR_FILENO ? "on stderr" : "on stdout";
  return output.folder + "/" + output.name;
}

/// A handler of such a signal waits for this thread, so it must not run on it.
void leave_ending_signals_to_others() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

std::shared_ptr<Logger> Logger::open(const LoggerOptions& options, std::shared_ptr<Files> files) {
  const std::shared_ptr<Logger> logger(new Logger(options, std::move(files)));
  if (const int error = logger->output_.open(); error < 0) logger->on_write_error(-error);
  logger->gatherer_ = std::thread([logger] { logger->gather_loop(); });
  logger->writer_ = std::thread([logger] { logger->write_loop(); });
  return logger;
}

Logger::Logger(const LoggerOptions& options, std::shared_ptr<Files> files)
    : options_(options),
      files_(std::move(files)),
      number_(next_number.fetch_add(1)),
      output_(options.output, files_),
      losses_(name_of(options.output), files_) {
  output_.on_rolled = [this](const std::string& path) {
    files_rolled_.fetch_add(1, std::memory_order_relaxed);
    output_.on_left(path);
  };
  output_.on_left = [this](const std::string& path) {
    const std::lock_guard lock(flush_mutex_);
    rolled_.push_back(path);
    if (rolled_.size() > 1000) rolled_.erase(rolled_.begin());  // nobody compresses them
  };
}

Logger::~Logger() = default;

// Producers.

Buffer& Logger::buffer_of_this_thread() {
  auto& entries = thread_buffers.entries;
  for (const auto& entry : entries) {
    if (entry.logger == number_) return *entry.buffer;
  }
  std::erase_if(entries, [](const auto& entry) { return entry.buffer.use_count() == 1; });  // their logger has ended
  entries.push_back({number_, add_buffer()});
  return *entries.back().buffer;
}

std::shared_ptr<Buffer> Logger::add_buffer() {
  auto buffer = std::make_shared<Buffer>(options_.buffer_bytes);
  const std::lock_guard lock(registry_mutex_);
  registered_.push_back(buffer);
  for (auto& slot : visible_) {
    Buffer* nobody = nullptr;
    if (slot.compare_exchange_strong(nobody, buffer.get(), std::memory_order_release)) break;
  }
  registry_changed_.store(true, std::memory_order_release);
  return buffer;
}

void Logger::write(Line line) {
  if (!enabled(line.level)) return;
  if (stopping()) return count_late();
  line.unix_ms = files_->unix_ms();
  line.tid = thread_id();
  Buffer& buffer = buffer_of_this_thread();
  if (put(buffer, line)) return;
  // Not even an empty half has room for it.
  std::string message(cut(line.message, options_.buffer_bytes / 8));
  message += kCutMark;
  line.message = message;
  line.msg_id = cut(line.msg_id, 100);
  line.method = cut(line.method, 200);
  put(buffer, line);
}

bool Logger::put(Buffer& buffer, const Line& line) {
  for (;;) {
    const auto room = buffer.enter();
    if (const std::size_t size = write_line(room, options_.format, line); size > 0) {
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
    if (options_.policy == Policy::kDropOldest) {
      buffer.enter();
      buffer.drop_lines();
      buffer.leave();
      continue;
    }
    if (options_.policy == Policy::kDropNewest || !wait_for_room(buffer, buffer.entered())) {
      buffer.count_dropped();
      return true;
    }
  }
}

void Logger::nudge() {
  if (nudged_.exchange(true, std::memory_order_acq_rel)) return;
  const std::lock_guard lock(gather_mutex_);
  gather_wake_.notify_one();
}

bool Logger::wait_for_room(const Buffer& buffer, std::int32_t half) {
  nudge();
  std::unique_lock lock(gather_mutex_);
  room_.wait_for(lock, options_.flush_timeout, [&] { return buffer.has_room_after(half) || stopping(); });
  return buffer.has_room_after(half);
}

// The gatherer.

void Logger::refresh_snapshot() {
  if (!registry_changed_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(registry_mutex_);
  registry_changed_.store(false, std::memory_order_relaxed);
  snapshot_ = registered_;
}

void Logger::gather_loop() {
  name_this_thread("log");
  leave_ending_signals_to_others();
  gatherer_tid_.store(thread_id(), std::memory_order_relaxed);
  Millis pause = options_.gather_every;
  SteadyMs now = steady_now_ms();
  bool ending = false;
  for (;;) {
    {
      std::unique_lock lock(gather_mutex_);
      gather_wake_.wait_for(lock, waiters_.until_next(now, pause),
                            [&] { return nudged_.load(std::memory_order_acquire) || (stopping() && !ending); });
    }
    nudged_.store(false, std::memory_order_release);
    ending = stopping();
    const Left left = gather();
    if ((ending && ticket_pushed_ >= last_ticket_) || abandoned_.load(std::memory_order_acquire)) break;
    // For want of room: the writer nudges when it has made some.
    pause = left == Left::kForNow ? kBusyRetry : options_.gather_every;
    now = steady_now_ms();
    if (waiters_.expire(now)) stuck_.store(true, std::memory_order_relaxed);
  }
  gatherer_ended_.store(true, std::memory_order_release);
  const std::lock_guard lock(write_mutex_);
  write_wake_.notify_all();
}

Logger::Left Logger::gather() {
  gathering_.store(true, std::memory_order_seq_cst);
  if (crashing_.load(std::memory_order_seq_cst)) {
    gathering_.store(false, std::memory_order_seq_cst);
    wait_for_the_end();
  }
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(flush_mutex_);
    ticket = flush_asked_;
  }
  refresh_snapshot();
  if (ticket > flushing_ && flushing_ == ticket_pushed_) {
    flushing_ = ticket;
    for (const auto& buffer : snapshot_) buffer->owe_all();
  }
  Left left = Left::kNothing;
  std::size_t size = 0;
  const auto fits = [&](std::size_t bytes) {
    const std::size_t queued = queued_bytes_.load();
    return queued + bytes <= options_.queue_bytes || (queued == 0 && size == 0);
  };
  std::vector<Buffer*> ready;
  std::vector<std::shared_ptr<Buffer>> gone;
  const Buffer* refused = nullptr;
  for (const auto& buffer : snapshot_) {
    // Asked before the turn: what is in it then is all there will be.
    const bool was_gone = buffer->gone();
    bool more = false;
    const auto turn = buffer->turn(more);
    if (turn == Buffer::Turn::kEmpty && was_gone) gone.push_back(buffer);
    if (turn == Buffer::Turn::kBusy) left = Left::kForNow;
    if (turn != Buffer::Turn::kReady) continue;
    // Nor those behind it, however little they want: they would take its room each time.
    if (refused != nullptr) continue;
    const std::size_t wanted = buffer->ready().size();
    if (!fits(size + wanted)) {
      // Said before it is looked again, so that room that is made meanwhile is either seen or wakes this thread.
      wants_room_.store(true);
      if (!fits(size + wanted)) {
        if (left == Left::kNothing) left = Left::kForWantOfRoom;
        refused = buffer.get();
        continue;
      }
    }
    if (more) left = Left::kForNow;
    size += wanted;
    ready.push_back(buffer.get());
  }
  auto batch = std::make_unique<Batch>(size + kNoteBytes);
  for (Buffer* buffer : ready) {
    const auto text = buffer->ready();
    std::memcpy(batch->text.get() + batch->size, text.data(), text.size());
    batch->size += text.size();
    batch->lines += static_cast<std::uint64_t>(buffer->ready_lines());
    buffer->release();
  }
  lines_.fetch_add(batch->lines, std::memory_order_relaxed);
  if (refused != nullptr) put_first(refused);
  if (dropped_for_want_of_room() > dropped_noted_) losses_.on_dropped(reason());
  const bool complete = left == Left::kNothing;
  const bool flushes = flushing_ > ticket_pushed_ && std::none_of(snapshot_.begin(), snapshot_.end(),
                                                                  [](const auto& buffer) { return buffer->owes(); });
  // Not into a queue that is full, since nothing else would bound how many such lines there are; but a flush is not
  // done before they are told of.
  if (complete || flushes || (!ready.empty() && fits(size + kNoteBytes))) note_drops(*batch);
  if (flushes) batch->flush_ticket = ticket_pushed_ = flushing_;
  if (ticket > flushing_ && left == Left::kNothing) left = Left::kForNow;  // another was asked for meanwhile
  if (batch->size > 0 || flushes) {
    queued_bytes_.fetch_add(batch->size);
    queue_.push(std::move(batch));
    const std::lock_guard lock(write_mutex_);
    write_wake_.notify_one();
  }
  if (!gone.empty()) forget(gone);
  gathering_.store(false, std::memory_order_seq_cst);
  if (!ready.empty()) {
    const std::lock_guard lock(gather_mutex_);
    room_.notify_all();
  }
  return left;
}

/// In the next gathering its turn comes first.
void Logger::put_first(const Buffer* buffer) {
  const std::lock_guard lock(registry_mutex_);
  const auto at = std::find_if(registered_.begin(), registered_.end(),
                               [&](const auto& registered) { return registered.get() == buffer; });
  std::rotate(registered_.begin(), at, registered_.end());
  registry_changed_.store(true, std::memory_order_release);
}

void Logger::forget(const std::vector<std::shared_ptr<Buffer>>& gone) {
  const std::lock_guard lock(registry_mutex_);
  for (const auto& buffer : gone) {
    dropped_of_gone_.fetch_add(static_cast<std::uint32_t>(buffer->dropped()), std::memory_order_relaxed);
    std::erase(registered_, buffer);
    for (auto& slot : visible_) {
      if (slot.load(std::memory_order_relaxed) == buffer.get()) slot.store(nullptr, std::memory_order_release);
    }
  }
  registry_changed_.store(true, std::memory_order_release);
}

std::uint64_t Logger::dropped_for_want_of_room() const {
  std::uint64_t dropped = dropped_of_gone_.load(std::memory_order_relaxed);
  for (const auto& buffer : snapshot_) dropped += static_cast<std::uint32_t>(buffer->dropped());
  return dropped;
}

/// Lines that were dropped are told of as soon as there is room again: in the batch that makes it.
void Logger::note_drops(Batch& batch) {
  const std::uint64_t dropped = dropped_for_want_of_room();
  if (dropped <= dropped_noted_) return;
  const std::string message = std::to_string(dropped - dropped_noted_) +
                              " lines were dropped: they came faster than they could be written (options bufferBytes, "
                              "queueBytes, whenFull)";
  const Line line{.level = Level::kWarn,
                  .unix_ms = files_->unix_ms(),
                  .tid = thread_id(),
                  .msg_id = {},
                  .method = {},
                  .file = {},
                  .line = 0,
                  .message = message};
  const std::size_t size =
      write_line({batch.text.get() + batch.size, batch.capacity - batch.size}, options_.format, line);
  if (size == 0) return;
  batch.size += size;
  dropped_noted_ = dropped;
}

// The writer.

void Logger::write_loop() {
  name_this_thread("log-writer");
  leave_ending_signals_to_others();
  writer_tid_.store(thread_id(), std::memory_order_relaxed);
  for (;;) {
    Batch* const batch = queue_.front();
    if (batch == nullptr) {
      std::unique_lock lock(write_mutex_);
      if (queue_.front() != nullptr) continue;
      if (gatherer_ended_.load(std::memory_order_acquire)) break;
      write_wake_.wait(lock, [this] { return queue_.front() != nullptr || gatherer_ended_.load(); });
      continue;
    }
    writing_.store(true, std::memory_order_seq_cst);
    const bool written = write_batch(*batch);
    const std::size_t size = batch->size;
    const std::uint64_t ticket = batch->flush_ticket;
    count_written(*batch, written);
    if (written) finish_flush(ticket);
    queue_.pop();
    writing_.store(false, std::memory_order_seq_cst);
    queued_bytes_.fetch_sub(size);
    if (wants_room_.exchange(false)) nudge();
    if (!written) break;
  }
  end_writing();
}

void Logger::end_writing() {
  output_.close();
  {
    const std::lock_guard lock(flush_mutex_);
    writer_ended_.store(true, std::memory_order_release);
    flushed_.notify_all();
  }
  waiters_.end();
}

void Logger::count_written(const Batch& batch, bool whole) {
  const std::string_view text(batch.text.get(), batch.written.load(std::memory_order_relaxed));
  // The log's own line is the last.
  const auto lines =
      whole ? batch.lines
            : std::min(batch.lines, static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
  const std::lock_guard lock(flush_mutex_);
  if (!settled_) lines_written_ += lines;
}

bool Logger::write_batch(Batch& batch) {
  Millis pause = kFirstErrorPause;
  while (batch.written.load(std::memory_order_relaxed) < batch.size) {
    if (abandoned_.load(std::memory_order_acquire)) return false;
    const std::size_t from = batch.written.load(std::memory_order_relaxed);
    begin_call();
    const auto written = output_.write({batch.text.get() + from, batch.size - from});
    if (written > 0) batch.written.store(from + static_cast<std::size_t>(written), std::memory_order_release);
    end_call();
    if (written > 0) {
      bytes_written_.fetch_add(static_cast<std::uint64_t>(written), std::memory_order_relaxed);
      stuck_.store(false, std::memory_order_relaxed);
      if (failing_.load(std::memory_order_relaxed)) {
        failing_.store(false, std::memory_order_relaxed);
        losses_.on_written();
      }
      pause = kFirstErrorPause;
    } else if (written == -EAGAIN) {
      output_.wait(50);
    } else if (written != -EINTR) {
      on_write_error(static_cast<int>(-written));
      std::unique_lock lock(write_mutex_);
      write_wake_.wait_for(lock, pause, [this] { return abandoned_.load(); });
      pause = std::min(pause * 2, kLongestErrorPause);
    }
  }
  return true;
}

void Logger::begin_call() {
  calling_.store(true, std::memory_order_seq_cst);
  if (!crashing_.load(std::memory_order_seq_cst)) return;
  writing_.store(false, std::memory_order_seq_cst);
  end_call();
  wait_for_the_end();
}

void Logger::on_write_error(int error) {
  write_errors_.fetch_add(1, std::memory_order_relaxed);
  failing_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(flush_mutex_);
    last_error_ = std::strerror(error);
  }
  losses_.on_write_error(steady_now_ms(), reason());
}

LoggerStats Logger::stats() const {
  LoggerStats stats;
  {
    const std::lock_guard lock(registry_mutex_);
    stats.buffers = registered_.size();
    for (const auto& buffer : registered_) stats.buffer_bytes += buffer->memory_bytes();
    stats.lines_dropped = dropped_of_gone_.load();
    for (const auto& buffer : registered_) stats.lines_dropped += static_cast<std::uint32_t>(buffer->dropped());
  }
  stats.lines_dropped += losses_.late();
  stats.queued_bytes = queued_bytes_.load();
  stats.lines = lines_.load();
  stats.bytes_written = bytes_written_.load();
  stats.write_errors = write_errors_.load();
  stats.files_rolled = files_rolled_.load();
  const std::lock_guard lock(flush_mutex_);
  stats.lines_written = lines_written_;
  stats.lines_dropped += lost_;
  stats.last_error = last_error_;
  stats.path = path_;
  return stats;
}

std::vector<std::string> Logger::take_rolled() {
  const std::lock_guard lock(flush_mutex_);
  return std::exchange(rolled_, {});
}

bool Logger::write_out(Millis most) noexcept {
  const SteadyMs give_up = steady_now_ms() + most.count();
  begin_write_out();
  // thread_id() may allocate, the first time in a thread.
  const auto self = system_thread_id();
  // They stop soon, unless they wait for a lock of the thread that crashed; and then they move nothing.
  for (int i = 0; i < 50; ++i) {
    const bool gathers = gathering_.load(std::memory_order_seq_cst) && gatherer_tid_.load() != self;
    const bool writes = writing_.load(std::memory_order_seq_cst) && writer_tid_.load() != self;
    if (!gathers && !writes) break;
    sleep_ms(1);
  }
  // Nobody can tell how much of a batch is written while the disk holds the writer, and it would hold this thread too.
  while (calling_.load(std::memory_order_seq_cst) && writer_tid_.load() != self) {
    if (steady_now_ms() >= give_up) return false;
    sleep_ms(1);
  }
  const int fd = output_.descriptor();
  bool all = true;
  for (Batch* batch = queue_.front(); batch != nullptr; batch = batch->next.load(std::memory_order_acquire)) {
    const std::size_t from = batch->written.load(std::memory_order_acquire);
    if (batch->text != nullptr) all &= write_all(fd, {batch->text.get() + from, batch->size - from}, give_up);
  }
  for (const auto& slot : visible_) {
    const Buffer* const buffer = slot.load(std::memory_order_acquire);
    if (buffer == nullptr) continue;
    all &= write_all(fd, buffer->remains(0), give_up);
    all &= write_all(fd, buffer->remains(1), give_up);
  }
  return all;
}

}  // namespace rocket::log
