#pragma once

#include <atomic>
#include <thread>

namespace rocket {

/// An adaptive spin lock for critical sections of a few instructions: it polls the flag without writing to it, lets the
/// other hyper-thread work meanwhile, and after kSpins polls yields the core, because the holder may have been
/// descheduled. Meets Lockable.
class SpinLock {
 public:
  static constexpr int kSpins = 100;

  void lock() {
    int spins = 0;
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) {
        if (++spins < kSpins) {
          relax();
        } else {
          std::this_thread::yield();
        }
      }
    }
  }

  bool try_lock() {
    return !locked_.load(std::memory_order_relaxed) && !locked_.exchange(true, std::memory_order_acquire);
  }

  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::atomic<bool> locked_{false};
};

}  // namespace rocket
