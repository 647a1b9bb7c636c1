#include "h2/stream.h"

#include <cstring>
#include <new>
#include <utility>

namespace rocket::h2 {

StreamPool::~StreamPool() {
  while (free_ != nullptr) delete std::exchange(free_, free_->next_);
}

Stream* StreamPool::take() {
  if (free_ == nullptr) return new (std::nothrow) Stream;
  --kept_;
  return std::exchange(free_, free_->next_);
}

void StreamPool::give(Stream* stream) {
  if (kept_ == kMostKept) {
    delete stream;
    return;
  }
  stream->user = nullptr;
  stream->peer_ended_ = stream->ended_ = stream->end_waits_ = stream->closed_ = false;
  stream->released_ = stream->writable_owed_ = false;
  stream->consumed_ = 0;
  stream->content_left_ = -1;
  stream->stalled_since_ = 0;
  stream->queue_.clear();
  if (!stream->trailers_.empty()) stream->trailers_ = OwnedBytes();
  stream->next_ = free_;
  free_ = stream;
  ++kept_;
}

bool StreamTable::insert(Stream& stream) {
  if (size_ >= buckets_ && !grow()) return false;
  auto*& head = table()[bucket(stream.id_)];
  stream.next_ = head;
  head = &stream;
  ++size_;
  return true;
}

void StreamTable::erase(Stream& stream) {
  auto** at = &table()[bucket(stream.id_)];
  while (*at != &stream) at = &(*at)->next_;
  *at = stream.next_;
  stream.next_ = nullptr;
  --size_;
}

bool StreamTable::grow() {
  const std::uint32_t more = buckets_ == 0 ? kFirstBuckets : 2 * buckets_;
  StreamTable larger;
  if (!larger.block_.try_grow(more * sizeof(Stream*))) return false;
  std::memset(larger.block_.data(), 0, more * sizeof(Stream*));
  larger.buckets_ = more;
  each([&](Stream& stream) { larger.insert(stream); });
  *this = std::move(larger);
  return true;
}

}  // namespace rocket::h2
