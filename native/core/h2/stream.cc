#include "h2/stream.h"

#include <cstring>
#include <new>
#include <random>
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
  stream->released_ = stream->writable_owed_ = stream->headers_taken_ = false;
  stream->consumed_ = 0;
  stream->may_grow_ = false;
  stream->content_left_ = -1;
  stream->stalled_since_ = 0;
  stream->queue_.clear();
  if (!stream->trailers_.empty()) stream->trailers_ = OwnedBytes();
  stream->next_ = free_;
  free_ = stream;
  ++kept_;
}

bool StreamTable::insert(Stream& stream) {
  if (size_ >= buckets_ && !rebuild(buckets_ == 0 ? kFirstBuckets : 2 * buckets_, mixed_)) return false;
  if (!mixed_ && is_crowd(table()[bucket(stream.id_)]) && !rebuild(buckets_, true)) return false;
  auto*& head = table()[bucket(stream.id_)];
  stream.next_ = head;
  head = &stream;
  ++size_;
  return true;
}

bool StreamTable::is_crowd(const Stream* stream) {
  int count = 0;
  for (; stream != nullptr && count < kCrowd; stream = stream->next_) ++count;
  return count == kCrowd;
}

std::uint32_t StreamTable::mix(std::uint32_t id) {
  static const std::uint64_t secret = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  std::uint64_t mixed = (id ^ secret) * 0x9e3779b97f4a7c15;  // the finalizer of SplitMix64
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(mixed ^ mixed >> 31);
}

void StreamTable::erase(Stream& stream) {
  auto** at = &table()[bucket(stream.id_)];
  while (*at != &stream) at = &(*at)->next_;
  *at = stream.next_;
  stream.next_ = nullptr;
  --size_;
}

bool StreamTable::rebuild(std::uint32_t buckets, bool mixed) {
  StreamTable other;
  if (!other.block_.try_grow(buckets * sizeof(Stream*))) return false;
  std::memset(other.block_.data(), 0, buckets * sizeof(Stream*));
  other.buckets_ = buckets;
  other.mixed_ = mixed;
  each([&](Stream& stream) {
    auto*& head = other.table()[other.bucket(stream.id_)];
    stream.next_ = head;
    head = &stream;
  });
  other.size_ = size_;
  *this = std::move(other);
  return true;
}

}  // namespace rocket::h2
