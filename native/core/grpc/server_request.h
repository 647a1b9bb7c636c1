#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/free_list.h"
#include "base/list_link.h"
#include "base/timer_wheel.h"
#include "grpc/encoding.h"
#include "grpc/message_reader.h"
#include "rpc/boundary.h"

namespace rocket::h2 {

class Stream;

}  // namespace rocket::h2

namespace rocket::rpc {

struct Method;
struct ServerCall;

}  // namespace rocket::rpc

namespace rocket::grpc {

class ServerSession;

struct RequestLink : ListLink {};  ///< of the requests of one session
struct ShutLink : ListLink {};     ///< of those whose window stays shut, the one that waits longest first

/// A request on its stream, from its headers until the stream is released. Belongs to one io thread.
struct ServerRequest : Timer, RequestLink, ShutLink {
  explicit ServerRequest(Fire on_deadline) : Timer(on_deadline) {}

  std::uint32_t index = 0;  ///< in the pool; what ServerCall::stream says
  ServerSession* session = nullptr;
  h2::Stream* stream = nullptr;
  const rpc::Method* method = nullptr;
  /// Once it is admitted, and until JavaScript releases it.
  rpc::ServerCall* call = nullptr;
  SteadyMs deadline = 0;
  std::string metadata;  ///< in the NUL form, until it is admitted; of a health watch the service
  MessageReader reader;
  /// The message, once it is whole, while it has to wait: for the end of the request, or for room in the Inbox.
  OwnedBytes message;
  std::size_t message_bytes = 0;
  /// Of a request that is not gRPC: the headers of its reply, which waits for its end.
  std::string_view http_reply;
  bool wants_no_body = false;  ///< of that reply
  bool has_message = false;
  bool compressed = false;  ///< the message is
  Encoding encoding = Encoding::kIdentity;
  std::int32_t accepted = 0;  ///< flags of its event for what its peer can read
  bool waits_for_room = false;
  bool streams = false;  ///< it may have any number of messages, each of which crosses by itself
  bool ended = false;    ///< the peer has sent all of it
  bool is_read = false;  ///< JavaScript has taken something of what streams
  /// DATA behind `message` that waits for room too; the stream's window bounds it.
  OwnedBytes held;
  std::size_t held_bytes = 0;
  /// Memory of what has not all come, or waits, as its session has counted it.
  std::size_t counted = 0;
  /// Of a message longer than the window: what was given back before JavaScript had it.
  std::size_t given_early = 0;
  /// Of whole messages that JavaScript has, and has not told as taken.
  std::size_t untaken = 0;
  std::size_t withheld = 0;  ///< of the message that has begun: bytes that the window was not given back yet
  /// Of a reply that streams: sent, and JavaScript not told that it has left.
  std::size_t sent_untold = 0;
  bool is_watch = false;          ///< a health watch
  std::uint8_t told_serving = 0;  ///< the status last sent to it
  bool headers_sent = false;
  /// Set aside for a reply that JavaScript's thread may send.
  std::uint32_t reserved = 0;
  ServerRequest* next_free = nullptr;

  /// Its handler may have taken all that it was given, and say so only when more has come.
  bool may_be_read() const { return untaken < rpc::kTakenStepBytes; }
  std::size_t assembled_bytes() const {
    return (reader.in_message() ? reader.held_bytes() : 0) + message.size() + held.size();
  }
};

/// Requests that are reused, by number. One serves all sessions of a thread.
class ServerRequestPool {
 public:
  explicit ServerRequestPool(Timer::Fire on_deadline) : on_deadline_(on_deadline) {}

  ServerRequest& take();
  void give(ServerRequest& request);
  ServerRequest& at(std::uint32_t index) { return requests_[index]; }
  std::size_t taken() const { return free_.taken(); }

 private:
  /// Memory for metadata that a request keeps for the next one, as long as few are free.
  static constexpr std::size_t kKeptBytes = 1024;
  static constexpr std::size_t kMostKept = 4096;

  const Timer::Fire on_deadline_;
  std::deque<ServerRequest> requests_;
  FreeList<ServerRequest> free_;
};

}  // namespace rocket::grpc
