#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/list_link.h"

namespace rocket {

/// One pending expiry. Embedded in the object that expires; it must have been cancelled or fired before it is
/// destroyed.
struct Timer : ListLink {
  using Fire = void (*)(Timer& timer);
  explicit Timer(Fire on_fire) : fire(on_fire) {}

  Fire fire;
  SteadyMs expires_at = 0;
  std::uint16_t slot = kIdle;

  static constexpr std::uint16_t kIdle = 0xffff;
  static constexpr std::uint16_t kFiring = 0xfffe;
  bool armed() const { return slot != kIdle; }
};

/// Hierarchical timing wheel (Varghese and Lauck, SOSP 1987): 1 ms ticks, arming and cancelling in O(1).
/// Belongs to one thread. A timer never fires early; it fires late by at most the delay of the caller's advance().
class TimerWheel {
 public:
  explicit TimerWheel(SteadyMs now) : current_(now) {}

  /// Arms or re-arms. A time that has passed fires at the next tick.
  void arm(Timer& timer, SteadyMs expires_at);
  void cancel(Timer& timer);
  /// Fires everything that expires at or before `now`; a callback may arm and cancel any timer.
  void advance(SteadyMs now);
  /// When advance() next has something to do (an expiry or an internal move); empty if no timer is armed.
  std::optional<SteadyMs> next_event() const;
  std::size_t armed_count() const { return armed_count_; }

 private:
  static constexpr int kLevels = 7;
  static constexpr int kBits = 6;
  static constexpr int kSlots = 1 << kBits;

  void link(Timer& timer);
  void unlink(Timer& timer);
  void fire_slot(int index);
  void cascade(int level);

  SteadyMs current_;
  std::size_t armed_count_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<std::array<ListLink, kSlots>, kLevels> slots_;
};

}  // namespace rocket
