#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/bytes.h"
#include "base/free_list.h"
#include "grpc/encoding.h"
#include "grpc/message_reader.h"
#include "h2/protocol.h"
#include "h2/send_queue.h"
#include "rpc/boundary.h"
#include "rpc/client_link.h"

namespace rocket::h2 {

class Stream;

}  // namespace rocket::h2

namespace rocket::grpc {

class ClientSession;

struct ShutReplyLink : ListLink {};  ///< calls whose window stays closed, the longest waiting first

/// A call of a ClientLink. Belongs to the link's io thread.
struct ClientCall : rpc::LinkedCall, ShutReplyLink {
  using LinkedCall::LinkedCall;

  /// The session of its stream; null: it waits for one.
  ClientSession* session = nullptr;
  h2::Stream* stream = nullptr;
  std::uint64_t headers_end = 0;  ///< position of the last byte of its HEADERS in what the connection writes

  // Its requests.
  bool open = false;            ///< they stream
  bool compressed = false;      ///< the single request of a unary call is compressed
  bool half_closed = false;     ///< no more will come
  h2::SendQueue early;          ///< requests with their heads, while the call waits for a stream
  std::size_t sent_untold = 0;  ///< bytes sent of which JavaScript has not been told yet

  // Its replies.
  MessageReader reader;
  std::string reply_metadata;  ///< until it is passed to JavaScript
  OwnedBytes message;          ///< of a call with one reply, until its status is known
  std::size_t message_bytes = 0;
  bool single_reply = true;
  bool answered = false;  ///< its response headers have come
  bool has_message = false;
  Encoding encoding = Encoding::kIdentity;  ///< of compressed replies
  std::int32_t reply_flags = 0;             ///< of `message`
  bool told = false;                        ///< JavaScript has been given headers or a message
  bool is_read = false;                     ///< JavaScript has taken some of its streamed replies
  std::size_t untaken = 0;                  ///< bytes of whole messages that JavaScript has not reported as taken
  std::size_t withheld = 0;                 ///< bytes of the incomplete message for which no window was given back yet
  std::size_t given_early = 0;  ///< bytes of a long message for which window was given back before it was whole
  std::size_t counted = 0;      ///< partial_bytes(), as its session has counted them

  /// Whether its caller may have taken all that it was given: less than a step is reported only with more.
  bool may_be_read() const { return untaken < rpc::kTakenStepBytes; }
  /// Its window stays closed because of the memory that other replies hold.
  bool waits_for_room() const { return !static_cast<const ShutReplyLink&>(*this).empty(); }
  /// Memory of a reply that is incomplete, or that waits for its status, beyond one window.
  std::size_t partial_bytes() const {
    return (reader.in_message() ? reader.held_bytes() : 0) +
           (has_message && message.size() > h2::kDefaultWindow ? message.size() : 0);
  }

  ClientCall* next_free = nullptr;
};

/// The call in a list of calls.
inline ClientCall& call_of(ListLink* at) { return static_cast<ClientCall&>(static_cast<rpc::CallLink&>(*at)); }

/// The calls of one link.
class ClientCallPool {
 public:
  static constexpr std::size_t kMaxCalls = 1 << 20;

  explicit ClientCallPool(Timer::Fire on_deadline) : on_deadline_(on_deadline) {}

  /// Null when kMaxCalls are in flight.
  ClientCall* take();
  void give(ClientCall& call);

 private:
  /// Capacity of texts that a call keeps for the next call.
  static constexpr std::size_t kKeptTextBytes = 256;
  static constexpr std::size_t kKeptMessageBytes = 1024;
  static constexpr std::size_t kMostKept = 4096;

  const Timer::Fire on_deadline_;
  std::deque<ClientCall> calls_;  // a deque: timers and lists point into it
  FreeList<ClientCall> free_;
};

}  // namespace rocket::grpc
