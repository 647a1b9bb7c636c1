#include "log/closing.h"

#include <algorithm>

namespace rocket::log {

namespace {

/// Time for a writer to stop after it was told to, unless it hangs in a system call.
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
  Ending& ending = parts_.ending;
  if (!ending.begin()) return false;
  // A caller whose wait has just timed out does not wait again.
  if (parts_.disk.stuck()) ending.abandon();
  // Lines that others logged meanwhile are included, but not those that follow.
  ending.stop(parts_.flushes.ask(false));
  wake_all();
  return true;
}

bool Logger::wait_ended(SteadyMs until) {
  if (parts_.ending.abandoned() && !given_up_) return false;
  return parts_.flushes.wait_ended(until);
}

void Logger::give_up() {
  given_up_ = true;
  parts_.ending.abandon();
  wake_all();
}

void Logger::wake_all() {
  parts_.gatherer_wake.wake_all();
  parts_.writer_wake.wake_all();
}

void Logger::finish_close() {
  gatherer_thread_.join();  // does not wait for a disk
  if (parts_.flushes.ended()) {
    writer_thread_.join();
  } else {
    // It hangs in a system call; it keeps this object alive, and ends and closes the file when the call returns.
    writer_thread_.detach();
  }
  const std::uint64_t lost = parts_.flushes.settle(parts_.buffers.totals().lines_held + gatherer_.lines());
  parts_.losses.on_unwritten(lost, parts_.disk.reason());
}

void Logger::tell_unwritten() {
  const std::uint64_t lines = parts_.buffers.totals().lines_held + gatherer_.lines() - parts_.flushes.lines_written();
  parts_.losses.on_unwritten(lines, parts_.disk.reason());
}

}  // namespace rocket::log
