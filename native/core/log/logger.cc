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
/// For a writer that is told to give up, unless it hangs in a system call.
constexpr Millis kLastWait{50};
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

/// For a handler of a fatal signal, until `give_up`.
void write_all(int fd, std::string_view text, SteadyMs give_up) noexcept {
  struct stat about {};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  while (!text.empty()) {
    std::size_t most = text.size();
    if (!regular) {
      // A pipe may be blocking. One that has room for anything has room for PIPE_BUF bytes.
      most = std::min<std::size_t>(most, PIPE_BUF);
      const SteadyMs left = give_up - steady_now_ms();
      pollfd one{fd, POLLOUT, 0};
      if (left <= 0 || ::poll(&one, 1, static_cast<int>(std::min<SteadyMs>(left, INT_MAX))) == 0) return;
    }
    const auto written = ::write(fd, text.data(), most);
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
      return;
    }
  }
}

void sleep_ms(long ms) noexcept {
  timespec pause{0, ms * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

/// The process is being ended by another thread.
[[noreturn]] void wait_for_the_end() noexcept {
  for (;;) sleep_ms(100);
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
    : options_(options), files_(std::move(files)), number_(next_number.fetch_add(1)), output_(options.output, files_) {
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
  bool ending = false;
  for (;;) {
    {
      std::unique_lock lock(gather_mutex_);
      gather_wake_.wait_for(lock, pause,
                            [&] { return nudged_.load(std::memory_order_acquire) || (stopping() && !ending); });
    }
    nudged_.store(false, std::memory_order_release);
    ending = stopping();
    const Left left = gather();
    if ((ending && ticket_pushed_ >= last_ticket_) || abandoned_.load(std::memory_order_acquire)) break;
    // For want of room: the writer nudges when it has made some.
    pause = left == Left::kForNow ? kBusyRetry : options_.gather_every;
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
    lines_.fetch_add(static_cast<std::uint64_t>(buffer->ready_lines()), std::memory_order_relaxed);
    buffer->release();
  }
  if (refused != nullptr) put_first(refused);
  const bool complete = left == Left::kNothing;
  // Not into a queue that is full, since nothing else would bound how many such lines there are.
  if (complete || (!ready.empty() && fits(size + kNoteBytes))) note_drops(*batch);
  const bool flushes = flushing_ > ticket_pushed_ && std::none_of(snapshot_.begin(), snapshot_.end(),
                                                                  [](const auto& buffer) { return buffer->owes(); });
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

/// Lines that were dropped are told of as soon as there is room again: in the batch that makes it.
void Logger::note_drops(Batch& batch) {
  std::uint64_t dropped = dropped_of_gone_.load(std::memory_order_relaxed);
  for (const auto& buffer : snapshot_) dropped += static_cast<std::uint32_t>(buffer->dropped());
  dropped_.store(dropped, std::memory_order_relaxed);
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
    if (written) finish_flush(ticket);
    queue_.pop();
    writing_.store(false, std::memory_order_seq_cst);
    queued_bytes_.fetch_sub(size);
    if (wants_room_.exchange(false)) nudge();
    if (!written) break;
  }
  const std::lock_guard lock(flush_mutex_);
  writer_ended_.store(true, std::memory_order_release);
  flushed_.notify_all();
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
  const std::lock_guard lock(flush_mutex_);
  last_error_ = std::strerror(error);
}

void Logger::finish_flush(std::uint64_t ticket) {
  bool sync = false;
  {
    const std::lock_guard lock(flush_mutex_);
    path_ = output_.path();
    if (ticket <= flush_done_) return;
    sync = sync_asked_ > flush_done_;
  }
  int error = 0;
  if (sync) {
    begin_call();
    error = output_.sync();
    end_call();
    if (error < 0) on_write_error(-error);
  }
  const std::lock_guard lock(flush_mutex_);
  flush_done_ = ticket;
  if (error < 0) sync_failed_ = ticket;
  flushed_.notify_all();
}

// Flushing and the end.

bool Logger::flush(Millis most, bool sync) {
  std::unique_lock lock(flush_mutex_);
  const std::uint64_t ticket = ++flush_asked_;
  if (sync) sync_asked_ = ticket;
  lock.unlock();
  nudge();
  lock.lock();
  flushed_.wait_for(lock, most, [&] { return flush_done_ >= ticket || writer_ended_.load(); });
  if (flush_done_ < ticket) {
    stuck_.store(true, std::memory_order_relaxed);
    return false;
  }
  return !sync || sync_failed_ < ticket;
}

void Logger::close() {
  const std::lock_guard closing(close_mutex_);
  if (!gatherer_.joinable()) return;
  // Who has just waited in vain does not wait again.
  const bool flushed = !stuck_.load(std::memory_order_relaxed) && flush(options_.flush_timeout);
  if (!flushed) abandoned_.store(true, std::memory_order_release);
  {
    // What others have said meanwhile is taken along, but not what they go on to say.
    const std::lock_guard lock(flush_mutex_);
    last_ticket_ = ++flush_asked_;
  }
  stopping_.store(true, std::memory_order_release);
  nudge();
  {
    const std::lock_guard lock(gather_mutex_);
    gather_wake_.notify_all();
    room_.notify_all();
  }
  {
    const std::lock_guard lock(write_mutex_);
    write_wake_.notify_all();
  }
  bool ended = false;
  {
    std::unique_lock lock(flush_mutex_);
    ended =
        flushed_.wait_for(lock, flushed ? options_.flush_timeout : kLastWait, [this] { return writer_ended_.load(); });
  }
  if (ended) {
    gatherer_.join();
    writer_.join();
  } else {
    // The writer hangs in a system call; it holds this object, and ends when the call does.
    abandoned_.store(true, std::memory_order_release);
    nudge();
    gatherer_.detach();
    writer_.detach();
  }
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
  stats.queued_bytes = queued_bytes_.load();
  stats.lines = lines_.load();
  stats.bytes_written = bytes_written_.load();
  stats.write_errors = write_errors_.load();
  stats.files_rolled = files_rolled_.load();
  const std::lock_guard lock(flush_mutex_);
  stats.last_error = last_error_;
  stats.path = path_;
  return stats;
}

std::vector<std::string> Logger::take_rolled() {
  const std::lock_guard lock(flush_mutex_);
  return std::exchange(rolled_, {});
}

void Logger::write_out(Millis most) noexcept {
  const SteadyMs give_up = steady_now_ms() + most.count();
  crashing_.store(true, std::memory_order_seq_cst);
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
    if (steady_now_ms() >= give_up) return;
    sleep_ms(1);
  }
  const int fd = output_.descriptor();
  if (fd < 0) return;
  for (Batch* batch = queue_.front(); batch != nullptr; batch = batch->next.load(std::memory_order_acquire)) {
    const std::size_t from = batch->written.load(std::memory_order_acquire);
    if (batch->text != nullptr) write_all(fd, {batch->text.get() + from, batch->size - from}, give_up);
  }
  for (const auto& slot : visible_) {
    const Buffer* const buffer = slot.load(std::memory_order_acquire);
    if (buffer == nullptr) continue;
    write_all(fd, buffer->remains(0), give_up);
    write_all(fd, buffer->remains(1), give_up);
  }
}

}  // namespace rocket::log
