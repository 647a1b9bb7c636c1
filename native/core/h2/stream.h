#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/list_link.h"
#include "h2/send_queue.h"

namespace rocket::h2 {

struct ReadyLink : ListLink {};  ///< streams that have data to send and a window for it
struct StallLink : ListLink {};  ///< all streams with data to send, the longest without progress first

/// One request and its reply. Belongs to its session; the application may use it from on_request() or open() until
/// release().
class Stream : ReadyLink, StallLink {
 public:
  std::uint32_t id() const { return id_; }
  /// Both sides have ended, or one has reset it: data that is sent now is dropped.
  bool closed() const { return closed_; }
  /// END_STREAM has come.
  bool peer_ended() const { return peer_ended_; }
  /// END_STREAM has been sent, or waits in the queue.
  bool ended() const { return ended_; }
  /// Bytes that wait for the peer's windows.
  std::size_t queued_bytes() const { return queue_.size(); }

  void* user = nullptr;  ///< the application's

 private:
  friend class Session;
  friend class ServerSession;
  friend class ClientSession;
  friend class StreamTable;
  friend class StreamPool;

  std::uint32_t id_ = 0;
  bool peer_ended_ = false;
  bool ended_ = false;
  bool end_waits_ = false;  ///< END_STREAM, with or without trailers, waits for the queue
  bool closed_ = false;
  bool released_ = false;
  bool writable_owed_ = false;
  bool headers_taken_ = false;       ///< the headers of the peer's request or response have come
  std::int32_t send_window_ = 0;     ///< negative after a peer has lowered its setting
  std::uint32_t window_ = 0;         ///< size of the receive window
  std::int32_t receive_window_ = 0;  ///< the part of it that the peer may still use
  std::uint32_t consumed_ = 0;       ///< taken by the application and not yet given back
  bool may_grow_ = false;            ///< part of `consumed_` allows the window to grow
  std::int64_t content_left_ = -1;   ///< the rest of content-length; negative: none was given
  std::int64_t stalled_since_ = 0;   ///< 0: since the last look
  SendQueue queue_;
  OwnedBytes trailers_;
  Stream* next_ = nullptr;  ///< of its bucket, or in the pool
};

/// Streams that are used again. One serves all sessions of a thread, and outlives them.
class StreamPool {
 public:
  StreamPool() = default;
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;
  ~StreamPool();

  /// Null when there is no memory.
  Stream* take();
  void give(Stream* stream);

 private:
  static constexpr std::size_t kMostKept = 4096;
  Stream* free_ = nullptr;
  std::size_t kept_ = 0;
};

/// Open streams by id. Ids are consecutive, so their low bits spread them evenly. A peer may skip ids so that they do
/// not: once a bucket has too many, ids are mixed with a number that no peer knows.
class StreamTable {
 public:
  Stream* find(std::uint32_t id) const {
    if (buckets_ == 0) return nullptr;
    Stream* stream = table()[bucket(id)];
    while (stream != nullptr && stream->id_ != id) stream = stream->next_;
    return stream;
  }
  /// False when there is no memory.
  bool insert(Stream& stream);
  void erase(Stream& stream);
  std::uint32_t size() const { return size_; }

  template <class Visit>
  void each(Visit&& visit) {
    for (std::uint32_t i = 0; i < buckets_; ++i) {
      for (Stream* stream = table()[i]; stream != nullptr;) {
        Stream* const next = stream->next_;
        visit(*stream);
        stream = next;
      }
    }
  }

 private:
  static constexpr std::uint32_t kFirstBuckets = 8;
  static constexpr int kCrowd = 8;
  std::uint32_t bucket(std::uint32_t id) const { return (mixed_ ? mix(id) : id >> 1) & (buckets_ - 1); }
  static std::uint32_t mix(std::uint32_t id);
  static bool is_crowd(const Stream* stream);
  Stream** table() const { return reinterpret_cast<Stream**>(const_cast<std::uint8_t*>(block_.data())); }
  bool rebuild(std::uint32_t buckets, bool mixed);

  OwnedBytes block_;
  bool mixed_ = false;
  std::uint32_t buckets_ = 0;  ///< a power of two, or 0
  std::uint32_t size_ = 0;
};

}  // namespace rocket::h2
