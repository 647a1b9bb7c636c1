#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/io_thread.h"

namespace rocket::io {

/// One main thread that accepts and a growing number of sub threads (`io-0`, `io-1`, …) that read and write.
class IoThreadGroup {
 public:
  IoThreadGroup() : main_("main", kMainIndex) {}
  ~IoThreadGroup() { stop_and_join(); }

  // any thread:
  IoThread& main() { return main_; }
  /// The first `count` sub threads; starts those that do not run yet.
  std::vector<IoThread*> sub_threads(std::size_t count);
  std::vector<IoThread*> running_sub_threads();

  /// Ends all threads before any of their objects is destroyed.
  void stop_and_join();
  bool on_one_of_them();

  static constexpr std::uint32_t kMainIndex = 255;
  static constexpr std::size_t kMaxSubThreads = 128;

 private:
  IoThread main_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<IoThread>> subs_;  // guarded by mutex_; never shrinks while threads run
};

}  // namespace rocket::io
