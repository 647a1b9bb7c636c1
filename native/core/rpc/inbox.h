#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "protobuf/ascii.h"
#include "rpc/event.h"

namespace rocket::rpc {

class InboxPort;

/// How an Inbox calls its JavaScript thread. close() excludes it. Must not block and must not call back.
class WakeUp {
 public:
  virtual ~WakeUp() = default;
  // io thread:
  virtual void wake() = 0;
};

/// The way from the io threads to one JavaScript thread: two slabs, one being filled while the other is read.
///
/// Bounded in descriptors and in bytes. When full, push() refuses, the connection that feeds it stops reading (so TCP
/// pushes back), and the io thread is told when there is room again.
class Inbox {
 public:
  /// Memory of the JavaScript thread: `words` holds max_events * kEventWords, `strings` max_strings * kStringWords,
  /// `heads` head_bytes.
  struct Slab {
    std::uint8_t* bytes = nullptr;
    std::int32_t* words = nullptr;
    std::int32_t* strings = nullptr;
    std::uint8_t* heads = nullptr;
  };
  struct Limits {
    std::size_t max_events = 4096;
    std::size_t slab_bytes = 1 << 20;
    std::size_t max_large_bytes = 64 << 20;
    std::size_t max_strings = 0;
    /// For the heads of all requests of a batch: who calls, the msg_id, the metadata. 0: they are left out.
    std::size_t head_bytes = 0;
    /// So many events are worth a wake-up before the io thread's turn is over: JavaScript then works beside it, not
    /// after it.
    std::size_t announce_events = 512;
  };
  /// Of each string of a batch: its offset and its length.
  static constexpr std::size_t kStringWords = 2;
  /// The heads of several requests cross as one string: a call that JavaScript keeps holds about so many bytes.
  static constexpr std::size_t kHeadsBytes = 2048;
  /// Of an event's word 11 (layout.ts).
  static constexpr unsigned kHeadPlaceBits = 16;
  /// Payloads over this size travel in a block of their own.
  static constexpr std::size_t kLargePayloadBytes = 64 * 1024;

  Inbox(Slab first, Slab second, const Limits& limits, WakeUp& wake_up);

  // io thread:
  /// The lock that push() takes, not yet taken.
  std::unique_lock<std::mutex> lock() { return {mutex_, std::defer_lock}; }
  /// False when full; `port` is then told of new room. `large` (may be null) holds the payload's memory and is taken.
  /// Takes `lock` unless it is held already, and leaves it held, so that several events in a row cost it once.
  bool push(InboxPort& port, const Event& event, OwnedBytes* large, std::unique_lock<std::mutex>& lock);
  /// Wakes the JavaScript thread if there is something it has not been told of; returns how many events wait for it.
  std::size_t announce(SteadyMs now);
  /// For how many milliseconds the JavaScript thread has been told of something and not come; wakes it when it has not
  /// been told of anything, so that the next probe knows.
  SteadyMs probe(SteadyMs now);

  // js thread:
  struct Batch {
    int slab = 0;
    std::size_t events = 0;
    std::vector<OwnedBytes> large;
    /// Offset and length in `bytes` of each string that is worth making before its message is decoded; all are ASCII.
    std::span<const std::int32_t> strings;
    const std::uint8_t* bytes = nullptr;
    /// Where in `heads` each string of heads ends. A head is the place of the peer in that string, the length of the
    /// msg_id, the length of the metadata, two bytes each (low byte first), the msg_id and the metadata. Before the
    /// first head of a peer there is a byte with the length of the peer, and the peer.
    std::span<const std::uint32_t> head_ends;
    const std::uint8_t* heads = nullptr;
  };
  /// Takes what has come in; its slab stays valid until the next swap().
  Batch swap();
  /// From here on every event is dropped and nobody is woken. The slabs may then be freed.
  void close();

  /// Before the io threads are let go of: nobody is left to be told of room.
  void forget_ports();

  // any thread:
  struct Depth {
    std::size_t events = 0;
    std::size_t bytes = 0;
    std::uint64_t dropped = 0;
  };
  Depth depth() const;
  /// Milliseconds since the inbox was made: the clock of Event::time_ms, which wraps after 24 days.
  std::int32_t clock_ms(SteadyMs at) const { return static_cast<std::int32_t>(at - epoch_); }

 private:
  bool has_room(const Event& event) const;
  void write_descriptor(const Event& event, bool is_large, std::ptrdiff_t large_offset, bool ascii);
  bool has_head(const Event& event) const { return event.kind == EventKind::kRequest && limits_.head_bytes > 0; }
  /// At most.
  static std::size_t head_size(const Event& event) {
    return 7 + event.peer.size() + event.msg_id.size() + event.text.size();
  }
  /// Returns where it is: the number of its string, and the place in it.
  std::int32_t write_head(const Event& event);
  /// Those of a payload that is about to be copied to the end of the slab.
  void note_strings(const protobuf::StringSpans& strings);
  void wake();
  /// Ends the lock before it wakes.
  void tell(std::unique_lock<std::mutex>& lock, SteadyMs now);

  const Limits limits_;
  const SteadyMs epoch_ = steady_now_ms();

  // Apart from the other lock, which the JavaScript thread takes first thing when it is woken: on a single core it runs
  // at once, and would have to hand the core back to the thread that still holds that lock.
  std::mutex wake_mutex_;
  WakeUp* wake_up_;  // guarded by wake_mutex_; null when closed

  mutable std::mutex mutex_;  // guards everything below
  bool closed_ = false;
  Slab slabs_[2];
  int filling_ = 0;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::size_t strings_ = 0;
  std::size_t large_bytes_ = 0;
  std::size_t head_bytes_ = 0;
  std::size_t peer_at_ = 0;  ///< of the last request, in its string of heads
  std::vector<std::uint32_t> head_ends_[2];
  std::vector<OwnedBytes> large_;
  std::vector<std::weak_ptr<InboxPort>> waiting_;
  bool announced_ = false;
  SteadyMs announced_at_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace rocket::rpc
