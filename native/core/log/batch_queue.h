#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace rocket::log {

/// Complete lines of one gathering, to be written by the writer.
struct Batch {
  explicit Batch(std::size_t capacity) : text(new char[capacity]), capacity(capacity) {}

  std::unique_ptr<char[]> text;
  const std::size_t capacity;
  std::size_t size = 0;
  /// Number of lines in it, without the log's own.
  std::uint64_t lines = 0;
  /// Flushes requested before the gathering; they are done when this batch is written.
  std::uint64_t flush_ticket = 0;
  std::atomic<std::size_t> written{0};
  std::atomic<Batch*> next{nullptr};
};

/// The second tier: batches from the gatherer to the writer, in order. One producer, one consumer, no lock, so that a
/// handler of a fatal signal can walk it.
class BatchQueue {
 public:
  BatchQueue() : first_(new Batch(0)), last_(first_.load()) {}
  ~BatchQueue() {
    for (Batch* batch = first_.load(); batch != nullptr;) delete std::exchange(batch, batch->next.load());
  }
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  // the gatherer:
  void push(std::unique_ptr<Batch> batch) {
    Batch* const added = batch.release();
    last_->next.store(added, std::memory_order_release);
    last_ = added;
  }

  // the writer:
  /// The oldest batch not yet popped, or null.
  Batch* front() const { return first_.load(std::memory_order_relaxed)->next.load(std::memory_order_acquire); }
  void pop() {
    Batch* const old = first_.load(std::memory_order_relaxed);
    first_.store(front(), std::memory_order_release);  // stays, emptied, as the node to which the next batch is linked
    first_.load(std::memory_order_relaxed)->text.reset();
    delete old;
  }

 private:
  std::atomic<Batch*> first_;  // the batch popped last
  Batch* last_;                // the gatherer's
};

}  // namespace rocket::log
