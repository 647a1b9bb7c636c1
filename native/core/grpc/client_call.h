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

struct ShutReplyLink : ListLink {};  ///< of those whose window stays shut, the one that waits longest first

/// One call on its way through a ClientLink; lives on the link's io thread.
struct ClientCall : rpc::LinkedCall, ShutReplyLink {
  using LinkedCall::LinkedCall;

  /// Where its stream is; null: it waits for one.
  ClientSession* session = nullptr;
  h2::Stream* stream = nullptr;
  std::uint64_t headers_end = 0;  ///< position of the last byte of its HEADERS in what the connection writes

  // Its requests.
  bool open = false;            ///< they stream
  bool compressed = false;      ///< the one request of another, while it waits
  bool half_closed = false;     ///< no more will come
  h2::SendQueue early;          ///< with their heads, while the call waits
  std::size_t sent_untold = 0;  ///< bytes sent, and JavaScript not told that they have left

  // Its replies.
  MessageReader reader;
  std::string reply_metadata;  ///< until JavaScript is told
  OwnedBytes message;          ///< of a call with one reply, until the end is known
  std::size_t message_bytes = 0;
  bool single_reply = true;
  bool answered = false;  ///< its response has begun
  bool has_message = false;
  Encoding encoding = Encoding::kIdentity;  ///< of replies that are compressed
  std::int32_t reply_flags = 0;             ///< of `message`
  bool told = false;                        ///< JavaScript has had headers or a message of it
  bool is_read = false;                     ///< JavaScript has taken something of replies that stream
  std::size_t untaken = 0;                  ///< of whole messages that JavaScript has, and has not told as taken
  std::size_t withheld = 0;     ///< of the message that has begun: bytes that the window was not given back yet
  std::size_t given_early = 0;  ///< of a long message: what was given back before JavaScript had it
  std::size_t counted = 0;      ///< partial_bytes(), as its session has counted them

  /// Its caller may have taken all that it was given, and say so only when more has come.
  bool may_be_read() const { return untaken < rpc::kTakenStepBytes; }
  /// Its window stays shut, because of what other replies hold.
  bool waits_for_room() const { return !static_cast<const ShutReplyLink&>(*this).empty(); }
  /// Memory of a reply that is not whole, or that waits for its end; what is within one window aside.
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
  /// Text that a call keeps memory of for the next one.
  static constexpr std::size_t kKeptTextBytes = 256;
  static constexpr std::size_t kKeptMessageBytes = 1024;
  static constexpr std::size_t kMostKept = 4096;

  const Timer::Fire on_deadline_;
  std::deque<ClientCall> calls_;  // a deque: timers and lists point into it
  FreeList<ClientCall> free_;
};

}  // namespace rocket::grpc
