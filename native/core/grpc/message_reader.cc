#include "grpc/message_reader.h"

#include <algorithm>
#include <cstring>

namespace rocket::grpc {

MessageReader::Result MessageReader::next(ByteSpan& data, std::size_t max_message_bytes, Message& out) {
  if (head_bytes_ < kMessageHeadBytes) {
    const std::size_t taken = std::min(kMessageHeadBytes - head_bytes_, data.size());
    if (taken > 0) std::memcpy(head_.data() + head_bytes_, data.data(), taken);
    head_bytes_ += taken;
    data = data.subspan(taken);
    // The flag is checked as soon as it arrives, because nothing after an invalid one can be read.
    if (head_bytes_ > 0 && head_[0] > 1) return Result::kBadFlag;
    if (head_bytes_ < kMessageHeadBytes) return Result::kNeedsMore;
  }
  const std::size_t whole = message_bytes();
  if (whole > max_message_bytes) return Result::kTooLarge;
  if (have_ == 0 && data.size() >= whole) {
    out = {data.first(whole), nullptr, head_[0] == 1};
    data = data.subspan(whole);
    head_bytes_ = 0;
    return Result::kMessage;
  }
  const std::size_t taken = std::min(whole - have_, data.size());
  if (taken > 0) {
    if (!make_room(have_ + taken, whole)) return Result::kNoMemory;
    std::memcpy(block_.data() + have_, data.data(), taken);
    have_ += taken;
    data = data.subspan(taken);
  }
  if (have_ < whole) return Result::kNeedsMore;
  out = {{block_.data(), whole}, &block_, head_[0] == 1};
  head_bytes_ = 0;
  have_ = 0;
  return Result::kMessage;
}

bool MessageReader::make_room(std::size_t bytes, std::size_t whole) {
  if (bytes <= block_.size()) return true;
  return block_.try_grow(std::max(bytes, std::min(whole, std::max(2 * block_.size(), kFirstBytes))));
}

void MessageReader::reset() {
  head_bytes_ = 0;
  have_ = 0;
  if (block_.size() > kKeptBytes) block_ = OwnedBytes();
}

}  // namespace rocket::grpc
