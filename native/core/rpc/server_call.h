#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/free_list.h"
#include "base/timer_wheel.h"
#include "io/connection.h"
#include "rpc/call_id.h"
#include "rpc/call_link.h"
#include "rpc/status.h"

namespace rocket::rpc {

class CallSession;
class DirectReplies;
struct Method;
struct ShardConsumer;

/// One request on its way through the server. It belongs to the io thread of its connection, with two exceptions that
/// hold from the moment its request event is pushed until JavaScript releases it: the JavaScript thread may read the
/// immutable fields, and `answered` decides which of the two threads answers the peer.
struct ServerCall : Timer, CallLink {
  explicit ServerCall(Fire on_deadline) : Timer(on_deadline) {}

  // Immutable while JavaScript holds the call.
  CallId id;
  io::Connection* connection = nullptr;  // its session keeps it, then `kept_connection`
  std::string msg_id;
  const Method* method = nullptr;
  /// How the JavaScript thread may send the answer itself; null: it may not. That thread sets it to null when it has
  /// handed over a part of the answer.
  const DirectReplies* direct = nullptr;
  // Used by the session:
  std::uint32_t stream = 0;
  std::uint32_t wire_stream = 0;  ///< its number on the wire
  std::uint8_t marks = 0;

  /// Written by the JavaScript thread while it holds the call: it has answered the peer directly, and the call no
  /// longer counts as in flight.
  bool counted_out = false;
  /// Likewise: the length of that answer on the wire; 0: there was none.
  std::uint32_t direct_bytes = 0;

  /// Set by the thread that ends the answer first, or by the io thread when the peer has gone.
  std::atomic<bool> answered{false};

  // io thread:
  bool in_use = false;
  CallSession* session = nullptr;  // null once the connection is gone
  ShardConsumer* consumer = nullptr;
  std::shared_ptr<io::Connection> kept_connection;  // once the connection is gone
  ServerCall* next_free = nullptr;
};

struct DirectReply {
  Status status;
  std::string_view text;      ///< message of an error, or metadata of a success
  std::string_view trailers;  ///< encoded as metadata
  ByteSpan message;
};

/// Encodes replies of a protocol without its session, which belongs to the io thread. One immutable object for each
/// protocol.
class DirectReplies {
 public:
  // js thread, for a call it holds:
  /// Writes the whole answer; returns its length, or 0 if it cannot be sent this way or does not fit into `into`.
  virtual std::size_t write(const ServerCall& call, const DirectReply& reply, std::span<std::uint8_t> into) const = 0;

 protected:
  ~DirectReplies() = default;
};

/// The server calls of one io thread. Slots stay where they are, so that the JavaScript thread can read one without a
/// lock while io threads allocate others.
class ServerCallTable {
 public:
  ServerCallTable(std::uint32_t io_thread, Timer::Fire on_deadline)
      : io_thread_(io_thread), on_deadline_(on_deadline) {}
  ~ServerCallTable();

  // io thread:
  /// Null if all kMaxCalls slots are in use.
  ServerCall* allocate();
  void release(ServerCall& call);
  ServerCall* find(CallId id);
  std::size_t in_use() const { return free_.taken(); }
  /// Prefetches the memory of a call that is about to be looked up.
  void prefetch(CallId id) const {
    if (id.slot() < chunk_count_ * kChunkCalls) prefetch(&chunk(id.slot())[id.slot() % kChunkCalls].call);
  }

  // any thread:
  std::size_t bytes() const { return chunk_count_.load(std::memory_order_relaxed) * kChunkCalls * sizeof(Slot); }

  // js thread: only for a call it holds.
  ServerCall& held(CallId id) { return chunk(id.slot())[id.slot() % kChunkCalls].call; }

  union Slot {  // constructed and destroyed by hand: an array of calls that take an argument
    Slot() {}
    ~Slot() {}
    ServerCall call;
  };

  static constexpr std::size_t kChunkCalls = 512;
  static constexpr std::size_t kMaxChunks = 2048;
  static constexpr std::size_t kMaxCalls = kChunkCalls * kMaxChunks;

 private:
  Slot* chunk(std::uint32_t slot) const { return chunks_[slot / kChunkCalls].load(std::memory_order_acquire); }
  bool grow();
  static void prefetch(const ServerCall* call) {
    constexpr std::uintptr_t kLine = 64;
    const auto begin = reinterpret_cast<std::uintptr_t>(call);
    for (auto at = begin & ~(kLine - 1); at < begin + sizeof(ServerCall); at += kLine) {
      __builtin_prefetch(reinterpret_cast<const void*>(at), 1);
    }
  }

  const std::uint32_t io_thread_;
  const Timer::Fire on_deadline_;
  std::array<std::atomic<Slot*>, kMaxChunks> chunks_{};
  std::atomic<std::size_t> chunk_count_{0};
  FreeList<ServerCall> free_;
};

}  // namespace rocket::rpc
