#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/io_thread_group.h"

namespace rocket::rpc {

/// How many calls a server or a channel has begun, and how many of them have not ended. Each io thread writes counts of
/// its own, so that a call needs no atomic read-modify-write instruction, which is among the most expensive ones of a
/// call.
class CallCounts {
 public:
  /// The counts of one io thread, which alone writes them.
  class alignas(64) Share {
   public:
    // io thread:
    void begin() { add(begun_, 1); }
    /// The call that was begun last was refused after all.
    void take_back() { add(begun_, std::uint64_t{0} - 1); }
    void end() { add(ended_, 1); }

   private:
    friend class CallCounts;
    static void add(std::atomic<std::uint64_t>& count, std::uint64_t more) {
      count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_release);
    }
    std::atomic<std::uint64_t> begun_{0};
    std::atomic<std::uint64_t> ended_{0};
  };

  explicit CallCounts(std::size_t io_threads)
      : shares_(std::clamp<std::size_t>(io_threads, 1, io::IoThreadGroup::kMaxSubThreads)) {}

  /// For the io thread with that index.
  Share& share(std::uint32_t io_thread) { return shares_[io_thread]; }

  // js thread:
  /// A call ends here, and not in a share.
  void count_out() { counted_out_.fetch_add(1); }
  void count_in() { counted_out_.fetch_sub(1); }

  // any thread:
  std::uint64_t begun() const {
    std::uint64_t sum = 0;
    for (const Share& share : shares_) sum += share.begun_.load(std::memory_order_acquire);
    return sum;
  }
  /// Never less than there are.
  std::int64_t in_flight() const {
    // The ends are read first: a call that begins and ends meanwhile must not count as an end alone.
    std::uint64_t ended = counted_out_.load(std::memory_order_acquire);
    for (const Share& share : shares_) ended += share.ended_.load(std::memory_order_acquire);
    return static_cast<std::int64_t>(begun() - ended);
  }

 private:
  std::vector<Share> shares_;
  std::atomic<std::uint64_t> counted_out_{0};
};

}  // namespace rocket::rpc
