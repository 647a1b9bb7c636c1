#include "log/closing.h"

#include <algorithm>

namespace rocket::log {

namespace {

/// For a writer that is told to give up, unless it hangs in a system call.
constexpr Millis kLastWait{50};

}  // namespace

void close_together(const std::vector<std::shared_ptr<Logger>>& loggers) {
  std::vector<Logger*> closing;
  for (const auto& logger : loggers) {
    if (logger->begin_close()) closing.push_back(logger.get());
  }
  const SteadyMs began = steady_now_ms();
  for (Logger* logger : closing) {
    if (!logger->wait_ended(began + logger->options().flush_timeout.count())) logger->give_up();
  }
  const SteadyMs last = steady_now_ms() + kLastWait.count();
  for (Logger* logger : closing) {
    logger->wait_ended(last);
    logger->finish_close();
  }
}

void Logger::close() { close_together({shared_from_this()}); }

bool Logger::begin_close() {
  if (closing_.exchange(true)) return false;
  // Who has just waited in vain does not wait again.
  if (stuck_.load(std::memory_order_relaxed)) abandoned_.store(true, std::memory_order_release);
  {
    // What others have said meanwhile is taken along, but not what they go on to say.
    const std::lock_guard lock(flush_mutex_);
    last_ticket_ = ++flush_asked_;
  }
  stopping_.store(true, std::memory_order_release);
  wake_all();
  return true;
}

bool Logger::wait_ended(SteadyMs until) {
  if (abandoned_.load(std::memory_order_relaxed) && !given_up_) return false;
  const Millis most{std::max<SteadyMs>(until - steady_now_ms(), 0)};
  std::unique_lock lock(flush_mutex_);
  return flushed_.wait_for(lock, most, [this] { return writer_ended_.load(); });
}

void Logger::give_up() {
  given_up_ = true;
  abandoned_.store(true, std::memory_order_release);
  wake_all();
}

void Logger::wake_all() {
  nudge();
  {
    const std::lock_guard lock(gather_mutex_);
    gather_wake_.notify_all();
    room_.notify_all();
  }
  const std::lock_guard lock(write_mutex_);
  write_wake_.notify_all();
}

void Logger::finish_close() {
  gatherer_.join();  // waits for no disk
  if (writer_ended_.load(std::memory_order_acquire)) {
    writer_.join();
  } else {
    // It hangs in a system call; it holds this object, and ends and closes the file when the call does.
    writer_.detach();
  }
  const std::uint64_t buffered = buffered_lines();
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(flush_mutex_);
    settled_ = true;
    lost = lost_ = buffered + lines_.load() - lines_written_;
  }
  waiters_.end();
  losses_.on_unwritten(lost, reason());
}

std::uint64_t Logger::buffered_lines() const {
  std::uint64_t lines = 0;
  const std::lock_guard lock(registry_mutex_);
  for (const auto& buffer : registered_) lines += buffer->lines();
  return lines;
}

std::string Logger::reason() const {
  if (!failing_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(flush_mutex_);
  return last_error_;
}

void Logger::tell_unwritten() {
  std::uint64_t lines = buffered_lines();
  {
    const std::lock_guard lock(flush_mutex_);
    lines += lines_.load() - lines_written_;
  }
  losses_.on_unwritten(lines, reason());
}

}  // namespace rocket::log
