#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "log/output.h"
#include "log/parts.h"

namespace rocket::log {

/// Writes the gathered batches, in order. The only thread that a disk can block.
class Writer {
 public:
  explicit Writer(Parts& parts);

  /// Before run(): opens the file for the first write, so that it is open in a crash.
  void open();
  /// Until the gatherer has ended and all is written, or the log is abandoned.
  void run();

  // any thread:
  void reopen() { output_.reopen(); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t files_rolled() const { return files_rolled_.load(std::memory_order_relaxed); }
  /// Of what was open at the last write.
  std::string path() const;
  std::vector<std::string> take_rolled();

  // a handler of a fatal signal:
  int descriptor() const { return output_.descriptor(); }

 private:
  bool write_batch(Batch& batch);
  void on_written(std::uint64_t bytes);
  void on_error(int error);
  /// How many of the batch's lines have been written to the kernel.
  void count_written(const Batch& batch, bool whole);
  void finish_flush(std::uint64_t ticket);

  Parts& parts_;
  Output output_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> files_rolled_{0};
  mutable std::mutex paths_mutex_;
  std::string path_;                 // guarded by paths_mutex_
  std::vector<std::string> rolled_;  // guarded by paths_mutex_
};

}  // namespace rocket::log
