#include "log/buffer_registry.h"

#include <algorithm>

namespace rocket::log {

std::shared_ptr<Buffer> BufferRegistry::add(std::size_t half_bytes) {
  auto buffer = std::make_shared<Buffer>(half_bytes);
  const std::lock_guard lock(mutex_);
  registered_.push_back(buffer);
  for (auto& slot : visible_) {
    Buffer* nobody = nullptr;
    if (slot.compare_exchange_strong(nobody, buffer.get(), std::memory_order_release)) break;
  }
  changed_.store(true, std::memory_order_release);
  return buffer;
}

BufferRegistry::Totals BufferRegistry::totals() const {
  Totals totals;
  const std::lock_guard lock(mutex_);
  totals.buffers = registered_.size();
  totals.lines_dropped = dropped_of_gone_;
  for (const auto& buffer : registered_) {
    totals.memory_bytes += buffer->memory_bytes();
    totals.lines_dropped += static_cast<std::uint32_t>(buffer->dropped());
    totals.lines_held += buffer->lines();
  }
  return totals;
}

void BufferRegistry::refresh() {
  if (!changed_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  changed_.store(false, std::memory_order_relaxed);
  snapshot_ = registered_;
}

void BufferRegistry::put_first(const Buffer& buffer) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(registered_.begin(), registered_.end(),
                               [&](const auto& registered) { return registered.get() == &buffer; });
  std::rotate(registered_.begin(), at, registered_.end());
  changed_.store(true, std::memory_order_release);
}

void BufferRegistry::forget(const std::vector<std::shared_ptr<Buffer>>& gone) {
  const std::lock_guard lock(mutex_);
  for (const auto& buffer : gone) {
    dropped_of_gone_ += static_cast<std::uint32_t>(buffer->dropped());
    std::erase(registered_, buffer);
    for (auto& slot : visible_) {
      if (slot.load(std::memory_order_relaxed) == buffer.get()) slot.store(nullptr, std::memory_order_release);
    }
  }
  changed_.store(true, std::memory_order_release);
}

std::uint64_t BufferRegistry::lines_dropped() const {
  std::uint64_t dropped = dropped_of_gone_;
  for (const auto& buffer : snapshot_) dropped += static_cast<std::uint32_t>(buffer->dropped());
  return dropped;
}

}  // namespace rocket::log
