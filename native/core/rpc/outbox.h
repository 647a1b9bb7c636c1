#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/thread_check.h"
#include "rpc/boundary.h"
#include "rpc/client_endpoint.h"
#include "rpc/engine.h"
#include "rpc/server_shard.h"
#include "rpc/status.h"

namespace rocket::rpc {

/// One descriptor, decoded.
struct Command {
  CommandKind kind;
  std::uint32_t id_low;
  std::uint32_t id_high;
  std::int32_t code;    // by kind: below
  std::int32_t method;  // by kind: below
  std::int32_t timeout_ms;
  std::uint32_t payload_at;
  std::uint32_t payload;  ///< bytes
  std::uint32_t text_at;
  std::uint32_t text;  ///< bytes
  std::int32_t flags;
  std::uint32_t more;  ///< bytes directly behind the text: the msg_id of a call, trailers of an answer

  bool has(std::int32_t flag) const { return (flags & flag) != 0; }
  /// For commands about a server call.
  CallId call() const { return {id_low, id_high}; }
  /// kReply, kFinish.
  Status status() const { return Status::from_word(code, method); }
  /// kCall.
  std::int32_t endpoint() const { return code; }
  /// kTaken, kRepliesTaken.
  std::int32_t taken_bytes() const { return code; }
  /// For commands about a client call.
  CallHandle handle() const { return {id_low, id_high}; }
};
static_assert(sizeof(Command) == kCommandWords * 4);
static_assert(offsetof(Command, code) == 4 * command_word::kCode);
static_assert(offsetof(Command, method) == 4 * command_word::kMethod);
static_assert(offsetof(Command, timeout_ms) == 4 * command_word::kTimeoutMs);
static_assert(offsetof(Command, payload_at) == 4 * command_word::kPayloadAt);
static_assert(offsetof(Command, payload) == 4 * command_word::kPayloadBytes);
static_assert(offsetof(Command, text_at) == 4 * command_word::kTextAt);
static_assert(offsetof(Command, text) == 4 * command_word::kTextBytes);
static_assert(offsetof(Command, flags) == 4 * command_word::kFlags);
static_assert(offsetof(Command, more) == 4 * command_word::kMoreBytes);

/// The queue from one JavaScript thread to the io threads. The commands of one microtask turn are sorted by io thread
/// and handed over in one batch each; its size is limited by the calls in flight.
class Outbox {
 public:
  explicit Outbox(std::shared_ptr<Inbox> inbox);
  ~Outbox();

  // js thread:
  void add_endpoint(std::int32_t number, ClientEndpoint& endpoint) {
    ROCKET_ON_JS_THREAD(js_thread_);
    endpoints_[number] = &endpoint;
  }
  void remove_endpoint(std::int32_t number) {
    ROCKET_ON_JS_THREAD(js_thread_);
    endpoints_.erase(number);
  }
  /// `large` are the blocks of the commands flagged kLargePayload, in order. A block is empty if it could not be
  /// allocated: its call then fails.
  void flush(Engine& engine, std::span<const Command> commands, const std::uint8_t* bytes,
             std::vector<OwnedBytes> large);

  struct Stats {
    std::uint64_t flushes = 0;
    std::uint64_t commands = 0;
    std::uint64_t direct_sends = 0;
  };
  const Stats& stats() const {
    ROCKET_ON_JS_THREAD(js_thread_);
    return stats_;
  }

 private:
  [[no_unique_address]] JsThread js_thread_;
  class Batch;
  Batch& batch_for(Lane& lane);
  void add_call(const Command& command, OwnedBytes large);
  /// Answers the only command of a flush on this thread; false if that is not possible.
  bool try_direct(Lane& lane, const Command& command, const std::uint8_t* bytes);

  const std::shared_ptr<Inbox> inbox_;
  std::unordered_map<std::int32_t, ClientEndpoint*> endpoints_;
  std::vector<Lane*> route_by_handle_;
  std::vector<std::pair<Lane*, std::unique_ptr<Batch>>> batches_;
  // Of the flush being handed over: the maximum size of a batch, and a copy of the slab's contents.
  std::size_t flush_commands_ = 0;
  std::shared_ptr<const OwnedBytes> flush_bytes_;
  std::uint32_t lone_replies_in_a_row_ = 0;
  Stats stats_;
};

}  // namespace rocket::rpc
