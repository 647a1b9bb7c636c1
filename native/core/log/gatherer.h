#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "log/parts.h"

namespace rocket::log {

/// Takes what threads have logged out of their buffers, one batch a time, and hands it to the writer. Never waits for a
/// disk. All but lines() belongs to its thread.
class Gatherer {
 public:
  explicit Gatherer(Parts& parts) : parts_(parts) {}

  /// Until the log ends.
  void run();
  /// Gathered since the log was opened. Any thread.
  std::uint64_t lines() const { return lines_.load(std::memory_order_relaxed); }

 private:
  /// Why lines were left behind: their thread is at it or has gone on in the other half, or the queue has no room.
  enum class Left : std::uint8_t { kNothing, kForNow, kForLackOfRoom };
  /// Whose turn it is in one gathering.
  struct Turns {
    Left left = Left::kNothing;
    std::vector<Buffer*> ready;
    std::size_t bytes = 0;
    /// The first that the queue has no room for.
    const Buffer* refused = nullptr;
    std::vector<std::shared_ptr<Buffer>> gone;
  };

  Left gather();
  void begin_flush(std::uint64_t ticket);
  Turns take_turns();
  /// `queued` of it by this gathering.
  bool fits(std::size_t bytes, std::size_t queued) const;
  std::unique_ptr<Batch> empty_buffers(const Turns& turns);
  /// All lines from before the flush being gathered for are taken.
  bool completes_flush() const;
  void note_drops(Batch& batch);

  Parts& parts_;
  std::atomic<std::uint64_t> lines_{0};
  std::uint64_t dropped_noted_ = 0;
  /// The flush that is being gathered for, and the last whose lines are all in the queue.
  std::uint64_t flushing_ = 0;
  std::uint64_t pushed_ = 0;
};

}  // namespace rocket::log
