#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/thread_check.h"
#include "rpc/client_endpoint.h"
#include "rpc/engine.h"
#include "rpc/server_shard.h"

namespace rocket::rpc {

/// Kinds of commands in the Outbox. The numbers are shared with JavaScript (lib/addon/layout.ts).
enum class CommandKind : std::int32_t {
  kReply = 1,  ///< answer a server call with all of a single reply, and let go of it
  kRelease,    ///< let go of a server call: one that was aborted, or that expired before its handler was started
  kCall,       ///< start a client call
  kCancel,     ///< forget a client call
  kMessage,    ///< one message of the answer to a server call
  kFinish,     ///< the end of such an answer
  kHeaders,    ///< the metadata of an answer, before its first message
  kTaken,      ///< `code` bytes of a request that streams have been handled: its peer may send as many more
};

inline constexpr std::size_t kCommandWords = 12;

namespace command_flag {
inline constexpr std::int32_t kLargePayload = 1;  ///< the payload is the next of the large blocks
inline constexpr std::int32_t kCompressed = 2;    ///< the payload is, by the encoding that the answer's metadata names
}  // namespace command_flag

/// One descriptor, decoded.
struct Command {
  CommandKind kind;          ///< word 0
  std::uint32_t id_low;      ///< word 1: call id, or call handle
  std::uint32_t id_high;     ///< word 2
  std::int32_t code;         ///< word 3: Status::word(), or endpoint number
  std::int32_t method;       ///< word 4: method number; of a kReply Status::own
  std::int32_t timeout_ms;   ///< word 5
  std::uint32_t payload_at;  ///< word 6
  std::uint32_t payload;     ///< word 7: bytes
  std::uint32_t text_at;     ///< word 8
  std::uint32_t text;        ///< word 9: bytes
  std::int32_t flags;        ///< word 10
  std::uint32_t more;        ///< word 11: bytes directly behind the text: the msg_id of a call, trailers of a reply
};
static_assert(sizeof(Command) == kCommandWords * 4);

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
