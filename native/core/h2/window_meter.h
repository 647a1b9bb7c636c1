#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "h2/frame.h"

namespace rocket::h2 {

/// Measures how large a receive window has to be for the data of one round trip (the estimator of gRPC): a PING is sent
/// when a window is given back, and the bytes that arrive until its acknowledgement are counted.
class WindowMeter {
 public:
  static constexpr std::array<std::uint8_t, kPingDataBytes> kPing = {'r', 'o', 'c', 'k', 'e', 't', 0, 2};

  /// `most` 0: nothing is measured.
  WindowMeter(std::uint32_t least, std::uint32_t most) : most_(most), wanted_(least) {}

  std::uint32_t wanted() const { return wanted_; }

  /// DATA arrives; `received` is the number of bytes before it.
  void note_data(std::uint64_t received, SteadyMs now) {
    if (heard_) return;
    heard_ = true;
    heard_from_ = received;
    heard_at_ = now;
  }
  /// A window is about to be given back. True: a PING has to be sent. Without DATA since the last acknowledgement it
  /// would be one of the PINGs that peers count as strikes.
  bool begin(std::uint64_t received, SteadyMs now) {
    if (measuring_ || !heard_ || wanted_ >= most_) return false;
    measuring_ = true;
    pinged_from_ = received;
    pinged_at_ = now;
    return true;
  }
  /// The PING is answered.
  void end(std::uint64_t received, SteadyMs now) {
    if (!measuring_) return;
    measuring_ = heard_ = false;
    const SteadyMs round_trip = std::max<SteadyMs>(now - pinged_at_, 1);
    // A peer that waits for its window sends one burst in each round trip. The PING is sent when part of a burst has
    // been taken, and its acknowledgement comes just before the next burst.
    const bool is_burst = pinged_at_ - heard_at_ <= round_trip / 2;
    const std::uint64_t arrived = received - (is_burst ? heard_from_ : pinged_from_);
    // Data that has arrived since the window grew was still sent within the old one.
    if (std::exchange(grew_, false)) return;
    best_rate_ = std::max(best_rate_, static_cast<double>(arrived) / static_cast<double>(round_trip));
    // Up to half of a window waits to be given back. The rest is what a peer can send that only the window limits.
    if (arrived < wanted_ / 16 * 7) return;
    // If a wider window has brought no more throughput, a still wider one would only make queues longer.
    if (best_rate_ < rate_before_ * kGain) return;
    rate_before_ = std::exchange(best_rate_, 0);
    wanted_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(2 * std::max<std::uint64_t>(arrived, wanted_), most_));
    grew_ = true;
  }

 private:
  static constexpr double kGain = 1.25;

  const std::uint32_t most_;
  std::uint32_t wanted_;
  bool measuring_ = false;
  bool grew_ = false;   ///< by the last answer
  bool heard_ = false;  ///< DATA has come since the last answer
  std::uint64_t heard_from_ = 0;
  SteadyMs heard_at_ = 0;
  std::uint64_t pinged_from_ = 0;
  SteadyMs pinged_at_ = 0;
  // Bytes per millisecond: the best rate since the window last grew, and the best before.
  double best_rate_ = 0;
  double rate_before_ = 0;
};

}  // namespace rocket::h2
