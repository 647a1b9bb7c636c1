#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "log/boundary.h"

namespace rocket::log {

/// The first tier: whole lines of one thread in two halves, one being filled while the other is emptied.
///
/// The thread fills the active half; the gatherer makes the other one active, which must be empty, and may read the
/// first once the thread is not inside a line of it. Neither waits for the other: `busy` and `active` are written and
/// then read by each side in opposite order (Dekker), so at least one of them sees the other. A thread whose half is
/// full makes the other one active itself, if that is empty; so an inactive half that holds lines is always the older.
///
/// JavaScript fills a half by the same rules through the same memory: lib/addon/log-buffer.ts.
class Buffer {
 public:
  /// The first words of the memory.
  struct Control {
    std::atomic<std::int32_t> active;                ///< 0 or 1
    std::atomic<std::int32_t> busy;                  ///< 0, or 1 + the half the thread is writing a line into
    std::array<std::atomic<std::int32_t>, 2> bytes;  ///< of whole lines in each half
    std::array<std::atomic<std::int32_t>, 2> lines;
    std::atomic<std::int32_t> dropped;  ///< lines, since the buffer was made
  };
  static_assert(sizeof(Control) <= kControlBytes);
  static_assert(offsetof(Control, active) == 4 * control_word::kActive);
  static_assert(offsetof(Control, busy) == 4 * control_word::kBusy);
  static_assert(offsetof(Control, bytes) == 4 * control_word::kBytes);
  static_assert(offsetof(Control, lines) == 4 * control_word::kLines);
  static_assert(offsetof(Control, dropped) == 4 * control_word::kDropped);

  explicit Buffer(std::size_t half_bytes);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::size_t half_bytes() const { return half_bytes_; }
  /// A line that should wake the gatherer.
  std::size_t nudge_bytes() const { return half_bytes_ / 4 * 3; }
  void* memory() { return memory_.get(); }
  std::size_t memory_bytes() const { return kControlBytes + 2 * half_bytes_; }

  // the thread whose buffer it is:
  /// The room left in the active half, which belongs to this thread until leave().
  std::span<char> enter();
  /// Ends a line. True if the gatherer should be woken: the half has just become three quarters full.
  bool commit(std::size_t bytes);
  /// Empties the half that the thread is in.
  void drop_lines();
  void count_dropped() { control().dropped.fetch_add(1, std::memory_order_relaxed); }
  void leave() { control().busy.store(0, std::memory_order_release); }
  /// The half that the thread was last in.
  std::int32_t entered() const { return entered_; }
  /// After leave(), if that half is full: switches to the other one. False if that is not empty.
  bool switch_halves();

  // any thread:
  /// Whether a thread that found `half` full would now find room.
  bool has_room_after(std::int32_t half) const;
  std::int32_t dropped() const { return control().dropped.load(std::memory_order_relaxed); }
  /// No more lines will be written.
  void set_gone() { gone_.store(true, std::memory_order_release); }
  bool gone() const { return gone_.load(std::memory_order_acquire); }

  // the gatherer:
  enum class Turn : std::uint8_t { kEmpty, kBusy, kReady };
  /// kReady: ready() is the gatherer's until release(). kBusy: the thread is inside a line; soon. `more` is set when
  /// the other half also holds lines from before this gathering.
  Turn turn(bool& more);
  std::string_view ready() const;
  std::int32_t ready_lines() const;
  void release();
  /// Lines in both halves; exact when its thread and the gatherer are at rest.
  std::uint64_t lines() const;
  /// From now on owes() until all earlier lines have been released; later lines do not count, however many.
  void owe_all() { owed_halves_ = 2; }
  bool owes() const { return owed_halves_ > 0; }

  // a handler of a fatal signal:
  /// Whole lines of a half, in the order the halves were filled.
  std::string_view remains(int which) const;

 private:
  Control& control() { return *reinterpret_cast<Control*>(memory_.get()); }
  const Control& control() const { return *reinterpret_cast<const Control*>(memory_.get()); }
  char* half(std::int32_t which) const { return memory_.get() + kControlBytes + which * half_bytes_; }

  struct Free {
    void operator()(char* memory) const;
  };

  const std::size_t half_bytes_;
  const std::unique_ptr<char, Free> memory_;
  std::int32_t entered_ = 0;  // the thread
  std::int32_t taken_ = -1;   // the gatherer: the half it has made inactive and not yet released
  int owed_halves_ = 0;       // the gatherer
  std::atomic<bool> gone_{false};
};

}  // namespace rocket::log
