#include "log/handshakes.h"

#include <cstring>
#include <ctime>

#include "base/this_thread.h"

namespace rocket::log {

namespace {

void sleep_ms(long ms) noexcept {
  timespec pause{0, ms * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

/// The process is being ended by another thread.
[[noreturn]] void wait_for_the_end() noexcept {
  for (;;) sleep_ms(100);
}

}  // namespace

void DiskState::on_error(int error) {
  errors_.fetch_add(1, std::memory_order_relaxed);
  failing_.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  last_error_ = std::strerror(error);
}

std::string DiskState::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::string DiskState::reason() const {
  return failing_.load(std::memory_order_relaxed) ? last_error() : std::string();
}

void CrashPause::set_gatherer() { gatherer_tid_.store(system_thread_id()); }
void CrashPause::set_writer() { writer_tid_.store(system_thread_id()); }

void CrashPause::begin_gathering() {
  gathering_.store(true, std::memory_order_seq_cst);
  if (!crashing_.load(std::memory_order_seq_cst)) return;
  end_gathering();
  wait_for_the_end();
}

void CrashPause::begin_call() {
  calling_.store(true, std::memory_order_seq_cst);
  if (!crashing_.load(std::memory_order_seq_cst)) return;
  end_writing();
  end_call();
  wait_for_the_end();
}

bool CrashPause::wait_at_rest(SteadyMs give_up) const noexcept {
  const auto self = system_thread_id();
  const bool is_gatherer = gatherer_tid_.load() == self;
  const bool is_writer = writer_tid_.load() == self;
  for (int i = 0; i < 50; ++i) {
    const bool gathers = gathering_.load(std::memory_order_seq_cst) && !is_gatherer;
    const bool writes = writing_.load(std::memory_order_seq_cst) && !is_writer;
    if (!gathers && !writes) break;
    sleep_ms(1);
  }
  while (calling_.load(std::memory_order_seq_cst) && !is_writer) {
    if (steady_now_ms() >= give_up) return false;
    sleep_ms(1);
  }
  return true;
}

}  // namespace rocket::log
