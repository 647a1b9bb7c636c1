#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace rocket::test {

/// How long a test waits for what must happen. Only a failing test waits that long.
inline constexpr std::chrono::seconds kPatience{20};

/// State that one thread changes and another waits for.
template <typename State>
class Monitor {
 public:
  template <typename Change>
  void change(Change change) {
    const std::lock_guard lock(mutex_);
    change(state_);
    changed_.notify_all();  // locked: who sees the change may destroy this
  }
  /// True when `holds` came true in time.
  template <typename Predicate>
  bool wait(Predicate holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, std::chrono::steady_clock::now() + kPatience, [&] { return holds(state_); });
  }
  State get() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_{};
};

/// Set once, waited for by any number of threads.
class Signal {
 public:
  void set() {
    done_.change([](bool& done) { done = true; });
  }
  bool wait() {
    return done_.wait([](bool done) { return done; });
  }

 private:
  Monitor<bool> done_;
};

}  // namespace rocket::test
