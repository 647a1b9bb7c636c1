#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace rocket {

void TimerWheel::arm(Timer& timer, SteadyMs expires_at) {
  if (timer.armed()) cancel(timer);
  timer.expires_at = expires_at;
  ++armed_count_;
  link(timer);
}

void TimerWheel::cancel(Timer& timer) {
  if (!timer.armed()) return;
  unlink(timer);
  --armed_count_;
}

// A timer sits on the level of the highest bit in which its expiry differs from the current tick, so a level's slot
// always lies ahead of the current one and empties exactly when the tick reaches it.
void TimerWheel::link(Timer& timer) {
  constexpr SteadyMs kRange = SteadyMs{1} << (kBits * kLevels - 1);
  const SteadyMs at = std::clamp(timer.expires_at, current_ + 1, current_ + kRange);
  const auto differing = static_cast<std::uint64_t>(at ^ current_);
  const int level = std::min((static_cast<int>(std::bit_width(differing)) - 1) / kBits, kLevels - 1);
  const int index = static_cast<int>((at >> (kBits * level)) & (kSlots - 1));
  slots_[level][index].push_back(timer);
  occupied_[level] |= std::uint64_t{1} << index;
  timer.slot = static_cast<std::uint16_t>(level * kSlots + index);
}

void TimerWheel::unlink(Timer& timer) {
  timer.unlink();
  if (timer.slot != Timer::kFiring) {
    const int level = timer.slot / kSlots;
    const int index = timer.slot % kSlots;
    ListLink& head = slots_[level][index];
    if (head.empty()) occupied_[level] &= ~(std::uint64_t{1} << index);
  }
  timer.slot = Timer::kIdle;
}

std::optional<SteadyMs> TimerWheel::next_event() const {
  for (int level = 0; level < kLevels; ++level) {
    const int shift = kBits * level;
    const int index = static_cast<int>((current_ >> shift) & (kSlots - 1));
    const std::uint64_t ahead = index == kSlots - 1 ? 0 : occupied_[level] & (~std::uint64_t{0} << (index + 1));
    if (ahead == 0) continue;
    const SteadyMs base = (current_ >> (shift + kBits)) << (shift + kBits);
    return base | (static_cast<SteadyMs>(std::countr_zero(ahead)) << shift);
  }
  return std::nullopt;
}

void TimerWheel::advance(SteadyMs now) {
  for (;;) {
    const auto next = next_event();
    if (!next || *next > now) break;
    current_ = *next;
    for (int level = kLevels - 1; level > 0; --level) {
      const SteadyMs below = (SteadyMs{1} << (kBits * level)) - 1;
      if ((current_ & below) == 0) cascade(level);
    }
    fire_slot(static_cast<int>(current_ & (kSlots - 1)));
  }
  current_ = std::max(current_, now);
}

void TimerWheel::cascade(int level) {
  const int index = static_cast<int>((current_ >> (kBits * level)) & (kSlots - 1));
  if ((occupied_[level] & (std::uint64_t{1} << index)) == 0) return;
  ListLink moving;
  moving.take_all(slots_[level][index]);
  occupied_[level] &= ~(std::uint64_t{1} << index);
  const int now_index = static_cast<int>(current_ & (kSlots - 1));
  while (!moving.empty()) {
    auto& timer = static_cast<Timer&>(*moving.next);
    timer.unlink();
    if (timer.expires_at <= current_) {
      slots_[0][now_index].push_back(timer);
      occupied_[0] |= std::uint64_t{1} << now_index;
      timer.slot = static_cast<std::uint16_t>(now_index);
    } else {
      link(timer);
    }
  }
}

void TimerWheel::fire_slot(int index) {
  if ((occupied_[0] & (std::uint64_t{1} << index)) == 0) return;
  ListLink firing;
  firing.take_all(slots_[0][index]);
  occupied_[0] &= ~(std::uint64_t{1} << index);
  for (ListLink* at = firing.next; at != &firing; at = at->next) static_cast<Timer*>(at)->slot = Timer::kFiring;
  while (!firing.empty()) {
    auto& timer = static_cast<Timer&>(*firing.next);
    cancel(timer);
    timer.fire(timer);
  }
}

}  // namespace rocket
