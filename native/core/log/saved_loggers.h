#pragma once

#include <array>
#include <atomic>

#include "log/logger.h"

namespace rocket::log {

/// Loggers that a handler of a signal has to see to. At most 32; those beyond are not seen.
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

 private:
  std::array<std::atomic<Logger*>, 32> slots_{};
};

}  // namespace rocket::log
