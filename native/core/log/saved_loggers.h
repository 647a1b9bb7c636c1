#pragma once

#include <algorithm>
#include <array>
#include <atomic>

#include "log/logger.h"

namespace rocket::log {

/// The loggers that a signal handler has to write out. At most 32; any beyond that are not written.
class SavedLoggers {
 public:
  void add(Logger& logger) {
    for (const auto& slot : slots_) {
      if (slot.load(std::memory_order_acquire) == &logger) return;
    }
    for (auto& slot : slots_) {
      Logger* nobody = nullptr;
      if (slot.compare_exchange_strong(nobody, &logger)) return;
    }
  }
  /// Before the logger is closed.
  void remove(const Logger& logger) {
    for (auto& slot : slots_) {
      if (slot.load(std::memory_order_relaxed) == &logger) slot.store(nullptr, std::memory_order_release);
    }
  }
  /// Calls `visit(Logger&)`; for a handler of a signal.
  template <typename Visit>
  void for_each(Visit visit) const noexcept {
    for (const auto& slot : slots_) {
      if (Logger* const logger = slot.load(std::memory_order_acquire); logger != nullptr) visit(*logger);
    }
  }

  /// Calls Logger::write_out() on all, within `most` in total: each may use an equal share of the remaining time, so
  /// one that hangs leaves time for the others.
  void write_out(Millis most) const noexcept {
    SteadyMs count = 0;
    for_each([&](Logger& logger) {
      logger.begin_write_out();
      ++count;
    });
    const SteadyMs give_up = steady_now_ms() + most.count();
    bool all = true;
    for_each([&](Logger& logger) {
      const SteadyMs left = std::max<SteadyMs>(give_up - steady_now_ms(), 0);
      // A logger that was added meanwhile is not in the count.
      all &= logger.write_out(Millis(left / std::max<SteadyMs>(count--, 1)));
    });
    if (!all) tell_of_losses_by_signal();
  }

 private:
  std::array<std::atomic<Logger*>, 32> slots_{};
};

}  // namespace rocket::log
