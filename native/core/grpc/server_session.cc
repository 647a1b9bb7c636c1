#include "grpc/server_session.h"

#include "base/thread_check.h"

#include <algorithm>
#include <utility>

#include "grpc/health.h"
#include "grpc/protocol.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::grpc {

namespace {

using rpc::Code;

/// Requests of a thread in addition to twice the calls that a server may have: incomplete ones, and native ones.
constexpr std::size_t kSpareRequests = 1024;
/// Limit for metadata that is kept for the next request: a short block may have much, by indexes into the table.
constexpr std::size_t kMostKeptBytes = 1024;

/// Limit for a decompressed request of a method that is answered natively.
constexpr std::size_t kMostInflatedBytes = 4096;
/// The limit of one stream, so that it cannot use the whole growth of all windows.
constexpr std::uint32_t kMostRequestWindow = kMostRequestGrowth / 2;

h2::Options options_of(const rpc::ServerOptions& options) {
  h2::Options h2;
  h2.tag_of = &tag_of;
  const std::size_t streams = std::min(options.max_calls_per_connection, options.max_concurrent_streams);
  h2.max_streams = static_cast<std::uint32_t>(std::min<std::size_t>(streams, h2::kMaxStreamId));
  h2.max_window = kMostRequestWindow;
  h2.max_growth = kMostRequestGrowth;
  h2.max_header_list_bytes = static_cast<std::uint32_t>(options.max_metadata_bytes);
  h2.min_ping_interval = options.min_ping_interval;
  if (options.permits_idle_pings) h2.min_idle_ping_interval = options.min_ping_interval;
  return h2;
}

}  // namespace

SessionResources::SessionResources() : requests(&ServerSession::on_deadline) {}

std::shared_ptr<SessionResources> SessionResources::of_thread() {
  thread_local std::weak_ptr<SessionResources> current;
  auto resources = current.lock();
  if (!resources) {
    resources = std::make_shared<SessionResources>();
    current = resources;
  }
  return resources;
}

ServerSession::ServerSession(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection)
    : CallSession(shard, std::move(connection)),
      shared_(SessionResources::of_thread()),
      options_(options_of(server_->options())),
      h2_(options_, shared_->h2, *this, *this),
      keepalive_(h2_, *connection_) {}

ServerSession::~ServerSession() {
  connection_->io().timers().cancel(stall_timer_);
  connection_->io().timers().cancel(watch_timer_);
}

io::ConnectionHandler::Taken ServerSession::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const rpc::ServerShard::Burst burst(shard_);
  const SteadyMs now = connection_->io().now();
  if (!started_) {
    started_ = true;
    h2_.start(now);
    keepalive_.start(server_->options().keepalive_time, server_->options().keepalive_timeout);
    if (shard_.draining()) h2_.begin_shutdown();
  }
  const auto fed = h2_.feed(bytes, now);
  // Single bytes do not restart the timeout of a frame. A header block in several frames counts as one.
  if (fed.consumed == bytes.size() && !h2_.in_block()) {
    connection_->expect_nothing();
  } else if (fed.consumed > 0 || !connection_->expects_progress()) {
    connection_->expect_progress(server_->options().connection.frame_timeout, io::CloseReason::kFrameTimeout);
  }
  if (connection_->backlogged()) connection_->pause_reading(io::Connection::kBacklog);
  return {fed.consumed, fed.frame_bytes};
}

rpc::MethodTable::Lookup ServerSession::find(const std::string& path) {
  if (last_method_ != nullptr && same_text(path, last_path_)) return {last_method_};
  std::string_view service, method;
  if (!split_path(path, service, method)) return {nullptr, rpc::Reason::kNoName};
  const auto found = server_->methods().find(service, method);
  if (found.method != nullptr) {
    last_path_ = path;
    last_method_ = found.method;
  }
  return found;
}

bool ServerSession::keep_block() {
  if (shared_->fields.metadata().size() > kMostKeptBytes) return false;
  if (!kept_fields_) {
    kept_fields_ = std::make_unique<RequestFields>(shared_->fields);
  } else {
    *kept_fields_ = shared_->fields;
  }
  return true;
}

void ServerSession::on_request(h2::Stream& stream, h2::Opening opening) {
  ServerRequest& request = shared_->requests.take();
  request.session = this;
  request.stream = &stream;
  stream.user = &request;
  requests_.push_back(static_cast<RequestLink&>(request));
  const RequestFields& fields = *fields_;
  if (shared_->requests.taken() > 2 * server_->options().max_calls + kSpareRequests) {
    shard_.count_refused();
    return refuse(request, rpc::Status::refusal(Code::kResourceExhausted),
                  "too many requests on the server (option maxCallsInFlight)");
  }
  if (opening.too_large) {
    shard_.count_refused();
    return refuse(request, {Code::kResourceExhausted},
                  "the request's metadata is over the server's limit of " +
                      std::to_string(server_->options().max_metadata_bytes) + " bytes (option maxMetadataBytes)");
  }
  if (!fields.is_post()) return refuse_http(request, kNotPost, opening.ended);
  if (!fields.is_grpc()) return refuse_http(request, kNotGrpc, opening.ended);
  if (fields.bad_timeout()) {
    shard_.count_refused();
    return refuse(request, {Code::kInternal}, "the request's grpc-timeout is malformed");
  }
  const auto method = find(fields.path());
  if (method.method == nullptr) {
    rpc::RequestHead unknown;
    std::string_view name;
    unknown.method = method;
    split_path(fields.path(), unknown.service, name);
    unknown.name = fields.path();
    const auto admission = shard_.admit(*this, unknown);
    return refuse(request, admission.status, admission.text);
  }
  request.method = method.method;
  request.metadata = fields.metadata();
  request.encoding = fields.encoding();
  request.accepted = fields.accepted();
  const auto& options = server_->options();
  // Streams have no default deadline.
  const bool streams = method.method->kind != rpc::MethodKind::kUnary;
  const Millis longest = streams || fields.timeout() ? options.max_timeout : options.default_timeout;
  const SteadyMs timeout = std::min(fields.timeout().value_or(longest), longest).count();
  request.deadline = connection_->io().now() + timeout;
  if (timeout == 0) return expire(request);
  request.streams = method.method->native == nullptr && (method.method->kind == rpc::MethodKind::kClientStream ||
                                                         method.method->kind == rpc::MethodKind::kBidi);
  request.ended = opening.ended;
  if (request.streams) {
    open(request);
    if (request.call != nullptr && request.ended) end_stream(request);
    return;
  }
  if (opening.ended) return end_request(request);
  connection_->io().timers().arm(request, request.deadline);
}

void ServerSession::on_data(h2::Stream& stream, ByteSpan data, bool ended) {
  auto& request = *static_cast<ServerRequest*>(stream.user);
  if (request.streams) return take_stream(request, data, ended);
  if (!request.http_reply.empty()) {
    h2_.consume(stream, data.size(), false);
    if (ended) reply_http(request);
    return;
  }
  if (!ended) {
    request.withheld += data.size();
    let_in(request);
  }
  take_messages(request, data, ended);
}

void ServerSession::on_trailers(h2::Stream& stream, bool) {
  auto& request = *static_cast<ServerRequest*>(stream.user);
  if (request.streams) return take_stream(request, {}, true);
  if (!request.http_reply.empty()) return reply_http(request);
  end_request(request);
}

void ServerSession::take_messages(ServerRequest& request, ByteSpan data, bool ended) {
  const std::size_t most = server_->options().max_message_bytes;
  MessageReader::Message message;
  while (!data.empty()) {
    switch (request.reader.next(data, most, message)) {
      case MessageReader::Result::kNeedsMore: break;
      case MessageReader::Result::kMessage:
        if (request.has_message) {
          return fail(request, {Code::kInternal}, "the request of a unary call has more than one message");
        }
        if (message.compressed && compressed_flags(request.encoding) == 0) return fail_for_encoding(request);
        request.compressed = message.compressed;
        if (ended && data.empty() && waiting_.empty()) return deliver(request, message.bytes, message.block);
        if (!keep_message(request, message)) return fail_for_memory(request);
        break;
      case MessageReader::Result::kTooLarge: return fail_for_size(request);
      case MessageReader::Result::kBadFlag:
        return fail(request, {Code::kInternal}, "the request has a message with a flag that is neither 0 nor 1");
      case MessageReader::Result::kNoMemory: return fail_for_memory(request);
    }
  }
  if (ended) return end_request(request);
  count_assembled(request);
}

bool ServerSession::keep_message(ServerRequest& request, MessageReader::Message& message) {
  request.has_message = true;
  request.compressed = message.compressed;
  request.message_bytes = message.bytes.size();
  request.message = message.block != nullptr ? std::move(*message.block) : OwnedBytes::try_copy_of(message.bytes);
  leave_shut(request);
  count_assembled(request);
  return message.block != nullptr || request.message.size() == message.bytes.size();
}

void ServerSession::end_request(ServerRequest& request) {
  if (request.reader.in_message()) return fail(request, {Code::kInternal}, "the request ends inside a message");
  if (!request.has_message) return fail(request, {Code::kInternal}, "the request of a unary call has no message");
  if (!waiting_.empty()) return wait_for_room(request);
  deliver(request, request.message.span().first(request.message_bytes), &request.message);
}

void ServerSession::deliver(ServerRequest& request, ByteSpan message, OwnedBytes* block) {
  rpc::RequestHead head = head_of(request);
  head.message = message;
  head.block = block;
  if (request.compressed) head.flags |= compressed_flags(request.encoding);
  if (head.timeout <= 0) return expire(request);
  allow_direct(request, head);
  const rpc::Admission admission = shard_.admit(*this, head);
  if (admission.is != rpc::Admission::Is::kAdmitted) unreserve(request);
  switch (admission.is) {
    case rpc::Admission::Is::kAdmitted:
      connection_->io().timers().cancel(request);
      request.call = admission.call;
      forget_message(request);
      return;
    case rpc::Admission::Is::kRefused:
      // Not started, so a client may retry it elsewhere.
      if (admission.status.refused && admission.status.code == Code::kUnavailable) return refuse_stream(request);
      return refuse(request, admission.status, admission.text);
    case rpc::Admission::Is::kNative: return answer_natively(request, message);
    case rpc::Admission::Is::kInboxFull:
      if (!request.has_message) {
        MessageReader::Message kept{message, block, request.compressed};
        if (!keep_message(request, kept)) return fail_for_memory(request);
      }
      return wait_for_room(request);
  }
}

rpc::RequestHead ServerSession::head_of(const ServerRequest& request) {
  if (peer_name_.empty()) peer_name_ = connection_->peer_name();
  rpc::RequestHead head;
  head.method = {request.method};
  head.name = request.method->name;
  head.peer = peer_name_;
  head.metadata = request.metadata;
  head.timeout = request.deadline - connection_->io().now();
  head.stream = request.index;
  head.flags = rpc::event_flag::kGrpc | request.accepted;
  head.may_stream = true;
  return head;
}

void ServerSession::wait_for_room(ServerRequest& request) {
  // An admitted request has the deadline of its call.
  auto& timers = connection_->io().timers();
  if (request.call == nullptr && !request.armed()) timers.arm(request, request.deadline);
  request.waits_for_room = true;
  waiting_.push_back(&request);
  connection_->pause_reading(io::Connection::kInboxFull);
}

void ServerSession::on_inbox_room() {
  ROCKET_ON_IO_THREAD(connection_->io());
  const rpc::ServerShard::Burst burst(shard_);
  std::vector<ServerRequest*> waiting;
  waiting.swap(waiting_);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    ServerRequest& request = *waiting[i];
    request.waits_for_room = false;
    if (request.streams) {
      push_held(request);
    } else {
      deliver(request, request.message.span().first(request.message_bytes), &request.message);
    }
    if (waiting_.empty()) continue;
    // The Inbox is full again: the rest stays in order after this one.
    waiting_.insert(waiting_.end(), waiting.begin() + static_cast<std::ptrdiff_t>(i) + 1, waiting.end());
    return;
  }
  connection_->resume_reading(io::Connection::kInboxFull);
}

void ServerSession::answer_natively(ServerRequest& request, ByteSpan message) {
  std::string opened;
  if (request.compressed) {
    const Inflated inflated = inflate(shared_->zlib, message, request.encoding, kMostInflatedBytes, opened);
    if (inflated != Inflated::kWhole) return fail_for_inflated(request, inflated);
    message = as_bytes(opened);
  }
  const rpc::NativeAnswer answer = request.method->native(shard_, message);
  if (!answer.status.ok()) {
    shard_.count_refused();
    return refuse(request, answer.status, answer.text);
  }
  if (request.method->kind == rpc::MethodKind::kServerStream) return start_watch(request, answer.message);
  send_reply(request, {}, {as_bytes(answer.message), {}}, {});
  drop(request);
}

void ServerSession::on_deadline(Timer& timer) {
  auto& request = static_cast<ServerRequest&>(timer);
  request.session->expire(request);
}

void ServerSession::expire(ServerRequest& request) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (!request.http_reply.empty()) return reply_http(request);
  server_->counters.calls_expired.fetch_add(1, std::memory_order_relaxed);
  const bool shut = !static_cast<ShutLink&>(request).empty();
  refuse(request, {Code::kDeadlineExceeded},
         shut ? "deadline exceeded before the request was complete: others of this connection that are incomplete, or "
                "not read, are at the server's limit (option maxBufferedRequestBytes)"
              : "deadline exceeded before the request was complete");
}

ServerRequest& ServerSession::request_of(const rpc::ServerCall& call) { return shared_->requests.at(call.stream); }

void ServerSession::release(rpc::ServerCall& call) {
  ROCKET_ON_IO_THREAD(connection_->io());
  ServerRequest& request = request_of(call);
  if (call.direct_bytes > 0) note_direct(request, call);
  drop(request);
  connection_->touch();
  connection_->close_if_done();
}

void ServerSession::drop(ServerRequest& request) {
  lifetime_.note_call_end();
  connection_->io().timers().cancel(request);
  if (request.waits_for_room) std::erase(waiting_, &request);
  if (request.is_watch) std::erase(watches_, &request);
  h2::Stream& stream = *request.stream;
  unreserve(request);
  forget_message(request);
  shared_->requests.give(request);
  h2_.release(stream);
}

void ServerSession::on_reset(h2::Stream& stream, h2::ErrorCode, const char* why) {
  auto& request = *static_cast<ServerRequest*>(stream.user);
  if (request.call == nullptr) return drop(request);
  leave_shut(request);
  // A peer that reset the stream has cancelled the call. One that violated the protocol counts as gone.
  shard_.cancel(*request.call, {Code::kCancelled, why == nullptr ? rpc::Reason::kNone : rpc::Reason::kPeerGone});
}

}  // namespace rocket::grpc
