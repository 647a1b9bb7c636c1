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
  Ending& ending = parts_.ending;
  if (!ending.begin()) return false;
  // A caller that has just waited in vain does not wait again.
  if (parts_.disk.stuck()) ending.abandon();
  // What others have said meanwhile is taken along, but not what they go on to say.
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
  gatherer_thread_.join();  // waits for no disk
  if (parts_.flushes.ended()) {
    writer_thread_.join();
  } else {
    // It hangs in a system call; it holds this object, and ends and closes the file when the call does.
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
