#include "log/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace rocket::log {

namespace {

char* allocate(std::size_t bytes) {
  // In whole pages: JavaScript's view must be aligned, and untouched pages cost nothing.
  constexpr std::size_t kPage = 4096;
  void* memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, kControlBytes);
  return static_cast<char*>(memory);
}

}  // namespace

void Buffer::Free::operator()(char* memory) const { std::free(memory); }

Buffer::Buffer(std::size_t half_bytes) : half_bytes_(half_bytes), memory_(allocate(kControlBytes + 2 * half_bytes)) {
  new (memory_.get()) Control();
}

std::span<char> Buffer::enter() {
  Control& shared = control();
  for (;;) {
    entered_ = shared.active.load(std::memory_order_relaxed);
    shared.busy.store(entered_ + 1, std::memory_order_seq_cst);
    if (shared.active.load(std::memory_order_seq_cst) == entered_) break;
  }
  const auto filled = static_cast<std::size_t>(shared.bytes[entered_].load(std::memory_order_relaxed));
  return {half(entered_) + filled, half_bytes_ - filled};
}

bool Buffer::commit(std::size_t bytes) {
  Control& shared = control();
  const auto before = static_cast<std::size_t>(shared.bytes[entered_].load(std::memory_order_relaxed));
  const std::size_t after = before + bytes;
  shared.lines[entered_].store(shared.lines[entered_].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  shared.bytes[entered_].store(static_cast<std::int32_t>(after), std::memory_order_release);
  return before < nudge_bytes() && after >= nudge_bytes();
}

void Buffer::drop_lines() {
  Control& shared = control();
  const std::int32_t lines = shared.lines[entered_].load(std::memory_order_relaxed);
  shared.dropped.fetch_add(lines, std::memory_order_relaxed);
  shared.lines[entered_].store(0, std::memory_order_relaxed);
  shared.bytes[entered_].store(0, std::memory_order_release);
}

bool Buffer::switch_halves() {
  Control& shared = control();
  if (shared.bytes[1 - entered_].load(std::memory_order_acquire) != 0) return false;
  // The gatherer may have switched meanwhile.
  std::int32_t full = entered_;
  shared.active.compare_exchange_strong(full, 1 - full, std::memory_order_seq_cst);
  return true;
}

bool Buffer::has_room_after(std::int32_t half) const {
  return control().active.load(std::memory_order_acquire) != half ||
         control().bytes[1 - half].load(std::memory_order_acquire) == 0;
}

Buffer::Turn Buffer::turn(bool& more) {
  Control& shared = control();
  if (taken_ >= 0) more = true;
  while (taken_ < 0) {
    const std::int32_t filled = shared.active.load(std::memory_order_seq_cst);
    if (shared.bytes[1 - filled].load(std::memory_order_acquire) != 0) {
      // Unless it is this half that the thread has just made active and started to fill.
      if (shared.active.load(std::memory_order_seq_cst) != filled) continue;
      taken_ = 1 - filled;
      more = true;
      break;
    }
    if (shared.bytes[filled].load(std::memory_order_acquire) == 0) {
      owed_halves_ = 0;
      return Turn::kEmpty;
    }
    taken_ = filled;
    shared.active.store(1 - filled, std::memory_order_seq_cst);
  }
  if (!more) owed_halves_ = std::min(owed_halves_, 1);
  // A thread that was terminated inside a line never leaves it.
  if (shared.busy.load(std::memory_order_seq_cst) == taken_ + 1 && !gone()) return Turn::kBusy;
  return Turn::kReady;
}

std::string_view Buffer::ready() const {
  return {half(taken_), static_cast<std::size_t>(control().bytes[taken_].load(std::memory_order_acquire))};
}

std::int32_t Buffer::ready_lines() const { return control().lines[taken_].load(std::memory_order_relaxed); }

void Buffer::release() {
  Control& shared = control();
  owed_halves_ = std::max(0, owed_halves_ - 1);
  shared.lines[taken_].store(0, std::memory_order_relaxed);
  shared.bytes[taken_].store(0, std::memory_order_release);
  taken_ = -1;
}

std::uint64_t Buffer::lines() const {
  const auto& lines = control().lines;
  return static_cast<std::uint64_t>(lines[0].load(std::memory_order_relaxed)) +
         static_cast<std::uint64_t>(lines[1].load(std::memory_order_relaxed));
}

std::string_view Buffer::remains(int which) const {
  const std::int32_t active = control().active.load(std::memory_order_acquire);
  const std::int32_t index = which == 0 ? 1 - active : active;
  const auto bytes = static_cast<std::size_t>(control().bytes[index].load(std::memory_order_acquire));
  return {half(index), bytes <= half_bytes_ ? bytes : 0};
}

}  // namespace rocket::log
