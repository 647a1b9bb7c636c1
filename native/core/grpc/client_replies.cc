// The part of a session that handles responses.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/thread_check.h"
#include "grpc/client_link.h"
#include "grpc/client_session.h"
#include "grpc/percent.h"
#include "grpc/wire_status.h"
#include "rpc/events.h"

namespace rocket::grpc {

namespace {

using rpc::Code;
using rpc::Status;

ClientCall& call_of(const h2::Stream& stream) { return *static_cast<ClientCall*>(stream.user); }

}  // namespace

void ClientSession::on_response(h2::Stream& stream, int status, h2::Opening opening) {
  ClientCall& call = call_of(stream);
  const ResponseFields& fields = shared_->fields;
  call.answered = true;
  if (opening.too_large) return fail_for_metadata(call);
  if (opening.ended && fields.status()) return finish(call);
  if (status != 200 || !fields.is_grpc()) return fail_http(call, status);
  if (opening.ended) return end(call, {Code::kUnknown}, "the reply has no grpc-status");
  call.reply_metadata = fields.metadata();
  call.encoding = fields.encoding();
  // A unary call gets everything in one event.
  if (call.method->kind != rpc::MethodKind::kUnary) tell_headers(call);
}

void ClientSession::fail_for_metadata(ClientCall& call) {
  end(call, {Code::kResourceExhausted},
      "the reply's metadata is over the channel's limit of " + std::to_string(link_->options().max_metadata_bytes) +
          " bytes (option maxMetadataBytes)");
}

void ClientSession::fail_http(ClientCall& call, int status) {
  std::string text = "the server answered with HTTP status " + std::to_string(status);
  const ResponseFields& fields = shared_->fields;
  if (!fields.is_grpc()) {
    text += fields.content_type().empty() ? std::string(" and no content-type")
                                          : " and content-type " + fields.content_type();
  }
  end(call, status == 200 ? Status{Code::kUnknown} : status_of_http(status), text + ", not as a server of gRPC");
}

void ClientSession::on_data(h2::Stream& stream, ByteSpan data, bool ended) {
  ClientCall& call = call_of(stream);
  if (!take_messages(call, data)) return;
  if (ended) return end(call, {Code::kInternal}, "the server ended the reply without trailers");
  count_partial(call);
}

bool ClientSession::take_messages(ClientCall& call, ByteSpan data) {
  const std::size_t most = link_->options().max_message_bytes;
  MessageReader::Message message;
  std::size_t begun = data.size();  ///< bytes of the message that has begun
  while (!data.empty()) {
    switch (call.reader.next(data, most, message)) {
      case MessageReader::Result::kNeedsMore: break;
      case MessageReader::Result::kMessage:
        begun = data.size();
        if (!take_message(call, message)) return false;
        break;
      case MessageReader::Result::kTooLarge:
        end(call, {Code::kResourceExhausted},
            "the reply has a message of " + std::to_string(call.reader.message_bytes()) +
                " bytes, over the channel's limit of " + std::to_string(most) + " (option maxMessageBytes)");
        return false;
      case MessageReader::Result::kBadFlag:
        end(call, {Code::kInternal}, "the reply has a message with a flag that is neither 0 nor 1");
        return false;
      case MessageReader::Result::kNoMemory:
        end(call, {Code::kResourceExhausted}, "there is no memory for a message of the reply");
        return false;
    }
  }
  // A message for which the window may have no room needs window before it can be taken.
  if (call.reader.message_bytes() + kMessageHeadBytes > h2::Session::window_of(*call.stream) / 2) {
    call.withheld += begun;
    let_in(call);
  }
  if (!call.single_reply) top_up(call);
  return true;
}

bool ClientSession::take_message(ClientCall& call, MessageReader::Message& message) {
  const std::int32_t flags = message.compressed ? compressed_flags(call.encoding) : 0;
  if (message.compressed && flags == 0) {
    end(call, {Code::kInternal}, "the reply is compressed, and its grpc-encoding is none that was accepted");
    return false;
  }
  if (call.single_reply) {
    if (!call.has_message && keep_reply(call, message)) {
      call.reply_flags = flags;
      note_whole(call);
      return true;
    }
    const bool second = call.has_message;
    end(call, {second ? Code::kInternal : Code::kResourceExhausted},
        second ? "the reply of a call with one reply has more than one message"
               : "there is no memory for the reply's message");
    return false;
  }
  call.told = true;
  call.untaken += message.bytes.size() + kMessageHeadBytes;
  note_whole(call);  // JavaScript gives it back
  tell(rpc::ReplyMessageEvent{.endpoint = link_->endpoint().number,
                              .handle = call.handle,
                              .payload = message.bytes,
                              .string_fields = message.compressed ? 0 : call.method->string_fields,
                              .flags = flags},
       message.block);
  return true;
}

/// Keeps the reply until the trailers have come.
bool ClientSession::keep_reply(ClientCall& call, MessageReader::Message& message) {
  if (message.block != nullptr && message.bytes.size() > rpc::kLargePayloadBytes) {
    call.message = std::move(*message.block);
  } else {
    if (call.message.size() < message.bytes.size() && !call.message.try_grow(message.bytes.size())) return false;
    if (!message.bytes.empty()) std::memcpy(call.message.data(), message.bytes.data(), message.bytes.size());
  }
  call.has_message = true;
  call.message_bytes = message.bytes.size();
  return true;
}

void ClientSession::taken(ClientCall& call, std::size_t bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (call.single_reply) return;
  call.is_read = true;
  const std::size_t early = std::min(bytes, call.given_early);
  h2_.consume(*call.stream, bytes - early);
  call.untaken -= std::min(bytes, call.untaken);
  take_early(call, early);
  if (call.given_early == 0 && call.withheld == 0) leave_shut(call);
  let_in(call);
  top_up(call);
}

void ClientSession::on_trailers(h2::Stream& stream, bool too_large) {
  ClientCall& call = call_of(stream);
  if (too_large) return fail_for_metadata(call);
  if (!shared_->fields.status()) return end(call, {Code::kUnknown}, "the reply has no grpc-status");
  finish(call);
}

void ClientSession::finish(ClientCall& call) {
  const ResponseFields& fields = shared_->fields;
  got_reply_ = true;
  link_->on_answered();
  const Status status = status_of(*fields.status());
  if (!status.ok()) {
    if (!call.reply_metadata.empty() && !call.told) tell_headers(call);
    return end(call, status, percent_decode(fields.message()), fields.metadata());
  }
  if (call.reader.in_message()) return end(call, {Code::kInternal}, "the reply ends inside a message");
  if (call.single_reply) {
    if (!call.has_message) return end(call, {Code::kInternal}, "the reply of a call with one reply has no message");
    if (!call.told && call.reply_flags == 0 && fields.metadata().empty()) return tell_reply(call);
    if (!call.told) tell_headers(call);
    tell(rpc::ReplyMessageEvent{.endpoint = link_->endpoint().number,
                                .handle = call.handle,
                                .payload = call.message.span().first(call.message_bytes),
                                .string_fields = call.reply_flags != 0 ? 0 : call.method->string_fields,
                                .flags = call.reply_flags},
         &call.message);
  }
  call.told = true;
  end(call, {}, {}, fields.metadata());
}

void ClientSession::tell_headers(ClientCall& call) {
  call.told = true;
  tell(
      rpc::ReplyHeadersEvent{.endpoint = link_->endpoint().number, .handle = call.handle, .text = call.reply_metadata});
}

/// Passes all of a unary call on in one event.
void ClientSession::tell_reply(ClientCall& call) {
  tell(rpc::ReplyEvent{.endpoint = link_->endpoint().number,
                       .handle = call.handle,
                       .payload = call.message.span().first(call.message_bytes),
                       .string_fields = call.method->string_fields,
                       .text = call.reply_metadata,
                       .flags = rpc::event_flag::kGrpc},
       &call.message);
  release(call);
}

/// An event for which there is no room is kept, and reading stops: at most the events of bytes that had already arrived
/// wait.
void ClientSession::tell(const rpc::Event& event, OwnedBytes* block) {
  if (link_->port().push(event, block)) return;
  link_->port().push_always(event);
  if (!connection_->open()) return;
  connection_->pause_reading(io::Connection::kInboxFull);
  link_->port().wait_for_room(*this);
}

void ClientSession::end(ClientCall& call, const Status& status, std::string_view text, std::string_view trailers) {
  const bool written = !status.refused && may_have_begun(call);
  const std::int32_t flags = written ? rpc::event_flag::kRequestWritten : 0;
  const std::int32_t endpoint = link_->endpoint().number;
  if (call.told || !trailers.empty()) {
    tell(rpc::CallEndEvent{.endpoint = endpoint,
                           .handle = call.handle,
                           .status = status,
                           .payload = as_bytes(trailers),
                           .text = text,
                           .flags = flags});
  } else {
    tell(
        rpc::FailureEvent{.endpoint = endpoint, .handle = call.handle, .status = status, .text = text, .flags = flags});
  }
  release(call);
}

void ClientSession::drop(ClientCall& call) {
  ROCKET_ON_IO_THREAD(connection_->io());
  release(call);
}

void ClientSession::release(ClientCall& call) {
  h2::Stream& stream = *call.stream;
  forget_replies(call);
  h2_.reset(stream, h2::ErrorCode::kCancel);
  h2_.release(stream);
  link_->release(call);
  link_->on_room(*this);
  if (calls.empty() && h2_.exhausted()) connection_->close_when_written();
}

void ClientSession::on_reset(h2::Stream& stream, h2::ErrorCode code, const char* why) {
  ClientCall& call = call_of(stream);
  if (why != nullptr) {
    return end(call, {Code::kInternal}, std::string("the server breaks the rules of HTTP/2: ") + why);
  }
  // By the clock of this moment: that of the turn may be older than what has come in it.
  if (code == h2::ErrorCode::kCancel && steady_now_ms() >= call.expires_at) {
    return end(call, {Code::kDeadlineExceeded}, "deadline exceeded: the server has given the call up");
  }
  Status status = status_of_reset(code);
  if (call.answered) status.refused = false;
  std::string text = std::string("the server has reset the call: ") + h2::name_of(code);
  if (status.refused && !goaway_.empty()) text = "the server ends the connection (GOAWAY " + goaway_ + ")";
  end(call, status, text);
}

}  // namespace rocket::grpc
