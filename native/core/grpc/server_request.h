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

struct RequestLink : ListLink {};  ///< the requests of one session
struct ShutLink : ListLink {};     ///< requests whose window stays closed, the longest waiting first

/// A request on its stream, from its headers until the stream is released. Belongs to one io thread.
struct ServerRequest : Timer, RequestLink, ShutLink {
  explicit ServerRequest(Fire on_deadline) : Timer(on_deadline) {}

  std::uint32_t index = 0;  ///< its index in the pool, as in ServerCall::stream
  ServerSession* session = nullptr;
  h2::Stream* stream = nullptr;
  const rpc::Method* method = nullptr;
  /// Set from its admission until JavaScript releases it.
  rpc::ServerCall* call = nullptr;
  SteadyMs deadline = 0;
  std::string metadata;  ///< in the NUL form, until it is admitted; for a health watch: the service
  MessageReader reader;
  /// The whole message while it waits for the end of the request, or for room in the Inbox.
  OwnedBytes message;
  std::size_t message_bytes = 0;
  /// For a request that is not gRPC: the headers of its reply, which waits for the end of the request.
  std::string_view http_reply;
  bool wants_no_body = false;  ///< that reply has no body
  bool has_message = false;
  bool compressed = false;  ///< the message is compressed
  Encoding encoding = Encoding::kIdentity;
  std::int32_t accepted = 0;  ///< flags of its event for the encodings that its peer accepts
  bool waits_for_room = false;
  bool streams = false;  ///< it has any number of messages, each with its own event
  bool ended = false;    ///< the peer has ended the request
  bool is_read = false;  ///< JavaScript has taken some of its streamed requests
  /// DATA after `message` that waits for room too. The stream's window bounds it.
  OwnedBytes held;
  std::size_t held_bytes = 0;
  /// Memory of incomplete or waiting messages that its session has counted.
  std::size_t counted = 0;
  /// Bytes of a message longer than the window for which window was given back before it was whole.
  std::size_t given_early = 0;
  /// Bytes of whole messages that JavaScript has not reported as taken.
  std::size_t untaken = 0;
  std::size_t withheld = 0;  ///< bytes of the incomplete message for which no window was given back yet
  /// Bytes of streamed replies that were sent and of which JavaScript has not been told yet.
  std::size_t sent_untold = 0;
  bool is_watch = false;          ///< a health watch
  std::uint8_t told_serving = 0;  ///< the status last sent to it
  bool headers_sent = false;
  /// Bytes reserved for a reply that the JavaScript thread may send.
  std::uint32_t reserved = 0;
  ServerRequest* next_free = nullptr;

  /// Whether its handler may have taken all that it was given: less than a step is reported only with more.
  bool may_be_read() const { return untaken < rpc::kTakenStepBytes; }
  std::size_t assembled_bytes() const {
    return (reader.in_message() ? reader.held_bytes() : 0) + message.size() + held.size();
  }
};

/// Requests that are reused, by number. One pool serves all sessions of a thread.
class ServerRequestPool {
 public:
  explicit ServerRequestPool(Timer::Fire on_deadline) : on_deadline_(on_deadline) {}

  ServerRequest& take();
  void give(ServerRequest& request);
  ServerRequest& at(std::uint32_t index) { return requests_[index]; }
  std::size_t taken() const { return free_.taken(); }

 private:
  /// Capacity for metadata that a request keeps for the next one, while few requests are free.
  static constexpr std::size_t kKeptBytes = 1024;
  static constexpr std::size_t kMostKept = 4096;

  const Timer::Fire on_deadline_;
  std::deque<ServerRequest> requests_;
  FreeList<ServerRequest> free_;
};

}  // namespace rocket::grpc
