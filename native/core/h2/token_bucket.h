#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace rocket::h2 {

/// Limits how often a peer may do something: `burst` times at once, then as often as time and its other actions allow.
struct Allowance {
  std::int32_t burst;
  std::int32_t per_second;
};

class TokenBucket {
 public:
  explicit TokenBucket(const Allowance& allowance) : left_(allowance.burst) {}

  /// False if there are too few. The clock is read only when they run out.
  bool take(std::int32_t tokens, const Allowance& allowance, SteadyMs now) {
    left_ -= tokens;
    if (left_ >= 0) return true;
    const std::int64_t earned = (now - refilled_) * allowance.per_second / 1000;
    if (earned > 0) {
      left_ = static_cast<std::int32_t>(std::min<std::int64_t>(left_ + earned, allowance.burst));
      refilled_ = now;
    }
    return left_ >= 0;
  }
  void give(std::int32_t tokens, const Allowance& allowance) { left_ = std::min(left_ + tokens, allowance.burst); }
  void start(SteadyMs now) { refilled_ = now; }

 private:
  std::int32_t left_;
  SteadyMs refilled_ = 0;
};

}  // namespace rocket::h2
