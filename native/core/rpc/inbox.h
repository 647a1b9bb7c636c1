#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/thread_check.h"
#include "protobuf/ascii.h"
#include "rpc/event.h"

namespace rocket::rpc {

class InboxPort;

/// Wakes the JavaScript thread of an Inbox. Never called after close(). Must not block and must not call back.
class WakeUp {
 public:
  virtual ~WakeUp() = default;
  // io thread:
  virtual void wake() = 0;
};

/// The queue from the io threads to one JavaScript thread: two slabs, one being filled while the other is read.
///
/// Bounded in descriptors and in bytes. When full, push() refuses, the connection that feeds it stops reading (so TCP
/// pushes back), and the io thread is notified when there is room again.
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
    /// Room for the heads of all requests of a batch: peer, msg_id, metadata. 0: they are left out.
    std::size_t head_bytes = 0;
    /// This many events justify a wake-up before the io thread's turn is over: JavaScript then works in parallel with
    /// it.
    std::size_t announce_events = 512;
  };
  /// The heads of several requests are passed as one string: a call that JavaScript keeps retains about this many
  /// bytes.
  static constexpr std::size_t kHeadsBytes = 2048;

  Inbox(Slab first, Slab second, const Limits& limits, WakeUp& wake_up);

  // io thread:
  /// The lock that push() takes, not yet taken.
  std::unique_lock<std::mutex> lock() { return {mutex_, std::defer_lock}; }
  /// False if full; `port` is then notified of new room. `large` (may be null) owns the payload's memory and is moved
  /// from.
  /// Takes `lock` unless it is held already, and leaves it held, so that several events in a row cost it once.
  bool push(InboxPort& port, const Event& event, OwnedBytes* large, std::unique_lock<std::mutex>& lock);
  /// Wakes the JavaScript thread if there is something it has not been woken for; returns how many events wait for it.
  std::size_t announce(SteadyMs now);
  /// How many milliseconds ago the JavaScript thread was woken without having come since; wakes it if it was not, so
  /// that the next probe can tell.
  SteadyMs probe(SteadyMs now);

  // js thread:
  struct Batch {
    int slab = 0;
    std::size_t events = 0;
    std::vector<OwnedBytes> large;
    /// Offset and length in `bytes` of each string to create before its message is decoded; all are ASCII.
    std::span<const std::int32_t> strings;
    const std::uint8_t* bytes = nullptr;
    /// Where in `heads` each string of heads ends. A head is the offset of the peer in that string, the length of the
    /// msg_id, the length of the metadata, two bytes each (low byte first; request_head), then the msg_id and the
    /// metadata. Before the first head of a peer there is one byte with the length of the peer, then the peer.
    std::span<const std::uint32_t> head_ends;
    const std::uint8_t* heads = nullptr;
  };
  /// Takes the events so far; their slab stays valid until the next swap().
  Batch swap();
  /// From now on every event is dropped and no thread is woken. The slabs may then be freed.
  void close();

  /// Called before the io threads are released: no port is left to be notified of room.
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
  [[no_unique_address]] JsThread js_thread_;
  bool has_room(const Event& event) const;
  void write_descriptor(const Event& event, bool is_large, std::ptrdiff_t large_offset, bool ascii);
  bool has_head(const Event& event) const { return event.kind == EventKind::kRequest && limits_.head_bytes > 0; }
  /// At most.
  static std::size_t head_size(const Event& event) {
    return 7 + event.peer.size() + event.msg_id.size() + event.text.size();
  }
  /// Returns its position: the number of its string, and the offset in it.
  std::int32_t write_head(const Event& event);
  /// The strings of a payload that is about to be copied to the end of the slab.
  void note_strings(const protobuf::StringSpans& strings);
  void wake();
  /// Ends the lock before it wakes.
  void tell(std::unique_lock<std::mutex>& lock, SteadyMs now);

  const Limits limits_;
  const SteadyMs epoch_ = steady_now_ms();

  // Separate from the other lock, which the JavaScript thread takes as soon as it is woken: on a single core it runs at
  // once, and would have to yield the core to the thread that still holds that lock.
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
