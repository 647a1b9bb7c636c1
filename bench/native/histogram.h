#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rocket::bench {

// Latencies in nanoseconds, log-linear as in HdrHistogram: each power of two is cut into 128 buckets, so a
// percentile, read from the middle of its bucket, is off by less than 0.4 %. Values past 2^40 ns (18 minutes)
// share the last bucket; the maximum and the sum are exact.
class Histogram {
 public:
  Histogram() : counts_((kMaxBits - kSubBits + 1) * kSubBuckets) {}

  void record(std::uint64_t nanos) {
    counts_[index_of(nanos)] += 1;
    total_ += 1;
    sum_ += nanos;
    max_ = std::max(max_, nanos);
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return total_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(total_); }

  // The smallest recorded value that `fraction` (0..1) of all values do not exceed; 0 when nothing was recorded.
  std::uint64_t quantile(double fraction) const {
    if (total_ == 0) return 0;
    const auto wanted =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(fraction * static_cast<double>(total_) + 0.5));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(middle_of(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 7;
  static constexpr unsigned kMaxBits = 40;
  static constexpr std::size_t kSubBuckets = std::size_t{1} << kSubBits;

  // Row 0 counts 0..127 one by one; row n counts [2^(n+6), 2^(n+7)) in steps of 2^(n-1).
  static std::size_t index_of(std::uint64_t nanos) {
    nanos = std::min(nanos, (std::uint64_t{1} << kMaxBits) - 1);
    const unsigned width = static_cast<unsigned>(std::bit_width(nanos));
    if (width <= kSubBits) return static_cast<std::size_t>(nanos);
    const unsigned row = width - kSubBits;
    return row * kSubBuckets + static_cast<std::size_t>((nanos >> (row - 1)) & (2 * kSubBuckets - 1)) - kSubBuckets;
  }

  static std::uint64_t middle_of(std::size_t index) {
    const std::size_t row = index / kSubBuckets;
    const std::uint64_t step = index % kSubBuckets;
    if (row == 0) return step;
    return ((kSubBuckets + step) << (row - 1)) + ((std::uint64_t{1} << (row - 1)) >> 1);
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace rocket::bench
