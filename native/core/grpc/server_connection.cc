// The end of a session's connection: by the server, by age, by the peer, or by an error.

#include <algorithm>
#include <string>

#include "grpc/protocol.h"
#include "grpc/server_session.h"

#include "base/thread_check.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::grpc {

namespace {

using rpc::Code;

}  // namespace

void ServerSession::begin_draining() {
  ROCKET_ON_IO_THREAD(connection_->io());
  connection_->bar_direct();
  if (started_) h2_.begin_shutdown();
}

bool ServerSession::retire(io::CloseReason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (!started_) return false;
  connection_->bar_direct();
  h2_.begin_shutdown();
  return true;
}

void ServerSession::finish_retiring() {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (error_ != nullptr) return drop_all();
  h2_.finish_shutdown();
}

void ServerSession::close() {
  ROCKET_ON_IO_THREAD(connection_->io());
  for (ListLink* link = requests_.next; link != &requests_;) {
    auto& request = static_cast<ServerRequest&>(static_cast<RequestLink&>(*link));
    link = link->next;
    // A watch, or a request that is incomplete or waits for room.
    if (request.call == nullptr) refuse(request, {Code::kUnavailable}, "the server closes");
  }
  if (!started_) return connection_->close_when_written();
  connection_->bar_direct();
  // The peer may have sent a request before it knows of the shutdown. That request is refused, and then the peer is
  // told the last stream.
  h2_.begin_shutdown();
}

void ServerSession::on_drained() { lifetime_.linger(); }

void ServerSession::on_connection_error(h2::ErrorCode code, const char* why) {
  error_ = why;
  server_->count_rejected(kProtocol, std::min<std::size_t>(static_cast<std::size_t>(code), kErrorCodes - 1));
  // The caller of this function may still use its request, so everything is dropped later (finish_retiring()).
  connection_->end_when_written();
  lifetime_.linger();
}

// Incomplete requests can never be completed, and watches have no other end.
void ServerSession::on_peer_ended() {
  ROCKET_ON_IO_THREAD(connection_->io());
  connection_->bar_direct();
  for (ListLink* link = requests_.next; link != &requests_;) {
    auto& request = static_cast<ServerRequest&>(static_cast<RequestLink&>(*link));
    link = link->next;
    if (request.call == nullptr) {
      const bool whole = request.stream->peer_ended() && !request.is_watch;
      if (!whole) refuse(request, {Code::kUnavailable}, "the client has ended the connection");
    } else if (!request.stream->peer_ended()) {
      h2_.reset(*request.stream, h2::ErrorCode::kCancel);
      leave_shut(request);
      shard_.cancel(*request.call, {Code::kCancelled, rpc::Reason::kPeerGone});
    }
  }
}

void ServerSession::drop_all() {
  h2_.close();
  waiting_.clear();
  watches_.clear();
  while (!requests_.empty()) {
    auto& request = static_cast<ServerRequest&>(static_cast<RequestLink&>(*requests_.next));
    request.waits_for_room = request.is_watch = false;
    drop(request);
  }
  shard_.orphan(*this);
}

void ServerSession::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  // This session may have the last reference to an abandoned server, whose shard is still used below.
  const auto server = server_;
  if (error_ != nullptr) reason = io::CloseReason::kBadInput;
  const auto counted = static_cast<std::size_t>(lifetime_.counts_as(reason));
  server->counters.connections_closed[counted].fetch_add(1, std::memory_order_relaxed);
  const bool bad = reason == io::CloseReason::kBadInput || reason == io::CloseReason::kFrameTimeout ||
                   reason == io::CloseReason::kSlowReader || reason == io::CloseReason::kOutOfMemory ||
                   reason == io::CloseReason::kLayer;
  if (bad) {
    std::string why = error_ != nullptr ? error_ : io::name_of(reason);
    if (reason == io::CloseReason::kLayer) why = connection_->why_layer_failed();
    shard_.log("closed the connection from " + connection_->peer_name() + ": " + why);
  }
  drop_all();
  shard_.remove(*this);  // destroys this
}

}  // namespace rocket::grpc
