#include "rpc/inbox.h"

#include "base/thread_check.h"

#include <algorithm>

#include "rpc/inbox_port.h"

namespace rocket::rpc {

namespace {

/// memcpy() for the few bytes of a name, without the call.
std::uint8_t* put_text(std::uint8_t* to, std::string_view text) {
  const char* from = text.data();
  std::size_t left = text.size();
  if (left < sizeof(std::uint64_t)) {
    for (; left > 0; --left) *to++ = static_cast<std::uint8_t>(*from++);
    return to;
  }
  for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
    std::memcpy(to, from, sizeof(std::uint64_t));
    to += sizeof(std::uint64_t);
    from += sizeof(std::uint64_t);
  }
  // The last eight once more, wherever they begin.
  std::memcpy(to + left - sizeof(std::uint64_t), from + left - sizeof(std::uint64_t), sizeof(std::uint64_t));
  return to + left;
}

void put_u16(std::uint8_t* to, std::size_t value) {
  to[0] = static_cast<std::uint8_t>(value);
  to[1] = static_cast<std::uint8_t>(value >> 8);
}

}  // namespace

Inbox::Inbox(Slab first, Slab second, const Limits& limits, WakeUp& wake_up)
    : limits_(limits), wake_up_(&wake_up), slabs_{first, second} {}

bool Inbox::has_room(const Event& event) const {
  if (events_ == limits_.max_events) return false;
  const bool is_large = event.payload.size() > kLargePayloadBytes;
  const bool head = has_head(event);
  const std::size_t in_slab = (head ? 0 : event.text.size()) + (is_large ? 0 : event.payload.size());
  if (bytes_ + in_slab > limits_.slab_bytes) return false;
  if (head && head_bytes_ + head_size(event) > limits_.head_bytes) return false;
  // One large payload is always accepted, or a body over the limit could never pass.
  return !is_large || large_.empty() || large_bytes_ + event.payload.size() <= limits_.max_large_bytes;
}

bool Inbox::push(InboxPort& port, const Event& event, OwnedBytes* large, std::unique_lock<std::mutex>& lock) {
  ROCKET_ON_IO_THREAD(port.io());
  protobuf::StringSpans strings;
  const bool readable = !event.payload.empty() && (event.flags & event_flag::kCompressed) == 0;
  const bool ascii = readable && protobuf::text_is_ascii(event.payload, event.string_fields, strings);
  if (!lock.owns_lock()) lock.lock();
  if (closed_) {
    ++dropped_;
    return true;
  }
  if (!has_room(event)) {
    if (port.expect_room()) waiting_.push_back(port.weak_from_this());
    return false;
  }
  const bool is_large = event.payload.size() > kLargePayloadBytes;
  // The block of a large payload begins with the bytes that precede it in its frame.
  const bool adopted = is_large && large != nullptr;
  if (ascii && !is_large) note_strings(strings);
  write_descriptor(event, is_large, adopted ? event.payload.data() - large->data() : 0, ascii);
  if (is_large) {
    large_bytes_ += event.payload.size();
    large_.push_back(adopted ? std::move(*large) : OwnedBytes::copy_of(event.payload));
  }
  if (events_ >= limits_.announce_events && !announced_) tell(lock, port.io().now());
  return true;
}

void Inbox::write_descriptor(const Event& event, bool is_large, std::ptrdiff_t large_offset, bool ascii) {
  const Slab& slab = slabs_[filling_];
  std::int32_t* words = slab.words + events_ * kEventWords;
  words[event_word::kKind] = static_cast<std::int32_t>(event.kind);
  words[event_word::kOwner] = event.owner;
  words[event_word::kIdLow] = static_cast<std::int32_t>(event.id_low);
  words[event_word::kIdHigh] = static_cast<std::int32_t>(event.id_high);
  words[event_word::kCode] = event.code;
  words[event_word::kTimeMs] = event.time_ms;
  words[event_word::kPayloadAt] = static_cast<std::int32_t>(bytes_);
  words[event_word::kPayloadBytes] = static_cast<std::int32_t>(event.payload.size());
  words[event_word::kFlags] = event.flags | (ascii ? event_flag::kAsciiText : 0);
  if (is_large) {
    words[event_word::kPayloadAt] = static_cast<std::int32_t>(large_offset);
    words[event_word::kFlags] |= event_flag::kLargePayload;
  } else if (!event.payload.empty()) {
    std::memcpy(slab.bytes + bytes_, event.payload.data(), event.payload.size());
    bytes_ += event.payload.size();
  }
  if (has_head(event)) {
    words[event_word::kLast] = write_head(event);
    ++events_;
    return;
  }
  words[event_word::kLast] = event.own;
  words[event_word::kTextAt] = static_cast<std::int32_t>(bytes_);
  words[event_word::kTextBytes] = static_cast<std::int32_t>(event.text.size());
  if (!event.text.empty()) {
    std::memcpy(slab.bytes + bytes_, event.text.data(), event.text.size());
    bytes_ += event.text.size();
  }
  ++events_;
}

std::int32_t Inbox::write_head(const Event& event) {
  auto& ends = head_ends_[filling_];
  std::size_t start = ends.size() < 2 ? 0 : ends[ends.size() - 2];
  const bool is_first = ends.empty() || head_bytes_ - start >= kHeadsBytes;
  if (is_first) {
    start = head_bytes_;
    ends.push_back(0);
  }
  std::uint8_t* const string = slabs_[filling_].heads + start;
  std::uint8_t* to = slabs_[filling_].heads + head_bytes_;
  // Requests of one connection come in a row.
  const std::size_t peer_size = event.peer.size();
  const bool is_last =
      !is_first && same_text(as_text({string + peer_at_ + 1, std::size_t{string[peer_at_]}}), event.peer);
  if (!is_last) {
    peer_at_ = static_cast<std::size_t>(to - string);
    *to++ = static_cast<std::uint8_t>(peer_size);
    to = put_text(to, event.peer);
  }
  const auto place = static_cast<std::size_t>(to - string);
  put_u16(to + request_head::kPeerAt, peer_at_);
  put_u16(to + request_head::kMsgIdBytes, event.msg_id.size());
  put_u16(to + request_head::kMetadataBytes, event.text.size());
  to = put_text(put_text(to + request_head::kFixedBytes, event.msg_id), as_text(event.text));
  head_bytes_ = static_cast<std::size_t>(to - slabs_[filling_].heads);
  ends.back() = static_cast<std::uint32_t>(head_bytes_);
  return static_cast<std::int32_t>((ends.size() - 1) << kHeadPlaceBits | place);
}

void Inbox::note_strings(const protobuf::StringSpans& strings) {
  std::int32_t* notes = slabs_[filling_].strings;
  for (const auto& span : strings.all()) {
    if (strings_ == limits_.max_strings) return;
    notes[kStringWords * strings_] = static_cast<std::int32_t>(bytes_ + span.at);
    notes[kStringWords * strings_ + 1] = static_cast<std::int32_t>(span.size);
    ++strings_;
  }
}

std::size_t Inbox::announce(SteadyMs now) {
  std::unique_lock lock(mutex_);
  const std::size_t events = events_;
  if (!announced_ && events > 0) tell(lock, now);
  return events;
}

SteadyMs Inbox::probe(SteadyMs now) {
  std::unique_lock lock(mutex_);
  if (announced_) return std::max<SteadyMs>(now - announced_at_, 0);
  tell(lock, now);
  return 0;
}

void Inbox::tell(std::unique_lock<std::mutex>& lock, SteadyMs now) {
  announced_ = true;
  announced_at_ = now;
  lock.unlock();
  wake();
}

void Inbox::wake() {
  const std::lock_guard lock(wake_mutex_);
  if (wake_up_ != nullptr) wake_up_->wake();
}

Inbox::Batch Inbox::swap() {
  ROCKET_ON_JS_THREAD(js_thread_);
  std::vector<std::weak_ptr<InboxPort>> waiting;
  Batch batch;
  {
    const std::lock_guard lock(mutex_);
    const Slab& slab = slabs_[filling_];
    batch = {filling_,          events_,
             std::move(large_), {slab.strings, kStringWords * strings_},
             slab.bytes,        head_ends_[filling_],
             slab.heads};
    filling_ ^= 1;
    events_ = bytes_ = strings_ = large_bytes_ = head_bytes_ = 0;
    head_ends_[filling_].clear();
    large_.clear();
    announced_ = false;
    waiting.swap(waiting_);
  }
  for (const auto& port : waiting) InboxPort::tell_room(port);
  return batch;
}

void Inbox::close() {
  ROCKET_ON_JS_THREAD(js_thread_);
  {
    const std::lock_guard lock(wake_mutex_);
    wake_up_ = nullptr;
  }
  std::vector<std::weak_ptr<InboxPort>> waiting;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    slabs_[0] = slabs_[1] = {};
    dropped_ += events_;
    events_ = bytes_ = strings_ = large_bytes_ = head_bytes_ = 0;
    large_.clear();
    waiting.swap(waiting_);
  }
  for (const auto& port : waiting) InboxPort::tell_room(port);
}

void Inbox::forget_ports() {
  ROCKET_ON_JS_THREAD(js_thread_);
  const std::lock_guard lock(mutex_);
  waiting_.clear();
}

Inbox::Depth Inbox::depth() const {
  const std::lock_guard lock(mutex_);
  return {events_, bytes_ + large_bytes_, dropped_};
}

}  // namespace rocket::rpc
