// The connections of a ClientLink: how they are opened, which of them calls use, how they are closed.

#include <algorithm>

#include "base/thread_check.h"
#include "io/spawn.h"
#include "tinypb/client_link.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

void ClientLink::on_connected(io::ConnectResult result) {
  ClientSession& session = add_session(std::move(result));
  shared_ = &session;
  last_error_.clear();
  set_state(rpc::LinkState::kReady);
  start(session);
  serve();
}

io::Task<void> ClientLink::connect_another(std::shared_ptr<ClientLink> self) {
  auto result = co_await self->connect();
  --self->connecting_;
  const bool wanted = self->state() == rpc::LinkState::kReady && !self->shares();
  if (!result.socket) {
    self->count_connect_failure();
    self->grow_again_at_ = self->lane_.io.now() + self->options().first_backoff.count();
  }
  if (!result.socket || !wanted) co_return;
  self->start(self->add_session(std::move(result)));
  self->serve();
}

io::Task<void> ClientLink::connect_for(std::shared_ptr<ClientLink> self, ClientCall* call, std::uint32_t generation) {
  auto result = co_await self->connect();
  if (call->link != self.get() || call->generation != generation) co_return;
  if (!result.socket) {
    self->count_connect_failure();
    self->end_with(*call, kFailedConnect, result.error);
    co_return;
  }
  ClientSession& session = self->add_session(std::move(result));
  session.start();
  if (self->options().peer_is_rocket_rpc) session.watch().set_ours();
  if (call->metadata.size() <= kOldPeerErrInfoBytes || session.watch().ours()) {
    self->send_kept(*call, session);
    co_return;
  }
  session.held = {call, generation};
  session.watch().ask();
}

ClientSession& ClientLink::add_session(io::ConnectResult result) {
  sessions_.emplace_back(self(), make_connection(std::move(result)), options().keepalive);
  sessions_.back().at = std::prev(sessions_.end());
  return sessions_.back();
}

void ClientLink::start(ClientSession& session) {
  session.start();
  if (options().peer_is_rocket_rpc) session.watch().set_ours();
  if (session.watch().ours() || !endpoint_->seems_plain.load(std::memory_order_relaxed) || !options().checksum) {
    session.watch().ask();
  }
}

ClientSession* ClientLink::free_session() {
  for (ClientSession& session : sessions_) {
    if (session.free()) return &session;
  }
  return nullptr;
}

void ClientLink::serve() {
  if (shares()) {
    while (!waiting_for_ours_.empty()) send_kept(call_of(waiting_for_ours_.next), *shared_);
    while (!waiting_.empty()) send_kept(call_of(waiting_.next), *shared_);
    return close_spare_sessions();
  }
  if (!waiting_for_ours_.empty() && shared_ != nullptr) {
    shared_->watch().ask();
    if (!shared_->watch().hopeful()) refuse_large_metadata(*shared_);
  }
  while (!waiting_.empty()) {
    ClientSession* session = free_session();
    if (session == nullptr) break;
    send_kept(call_of(waiting_.next), *session);
  }
  grow();
}

void ClientLink::grow() {
  if (shared_ == nullptr || !shared_->connection().open() || shares() || lane_.io.now() < grow_again_at_) return;
  if (shared_->watch().learning() && !endpoint_->seems_plain.load(std::memory_order_relaxed)) return;
  std::size_t wanted = 0;
  for (ListLink* at = waiting_.next; at != &waiting_ && sessions_.size() + connecting_ < most_sessions_;
       at = at->next) {
    if (++wanted <= connecting_) continue;
    ++connecting_;
    io::spawn(lane_.io.context(), shared_from_this(), connect_another(self()));
  }
}

void ClientLink::close_spare_sessions() {
  if (sessions_.size() <= 1) return;
  for (ClientSession& session : sessions_) {
    if (&session != shared_ && session.calls.empty()) session.connection().close(io::CloseReason::kLocal);
  }
}

void ClientLink::on_peer_known(ClientSession& session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (options().short_connections) return send_held(session);
  if (session.watch().ours()) {
    endpoint_->seems_plain.store(false, std::memory_order_relaxed);
    session.given_up_id.clear();
    if (!shares() && shared_ != nullptr) shared_ = &session;
  } else {
    if (session.watch().plain()) endpoint_->seems_plain.store(true, std::memory_order_relaxed);
    if (!session.watch().learning() && !session.given_up_id.empty())
      session.connection().close(io::CloseReason::kLocal);
  }
  if (shared_ != nullptr) serve();
}

void ClientLink::send_held(ClientSession& session) {
  if (session.held.call == nullptr || (!session.watch().ours() && session.watch().hopeful())) return;
  ClientCall& call = *std::exchange(session.held.call, nullptr);
  if (call.link != this || call.generation != session.held.generation) {
    return session.connection().close(io::CloseReason::kLocal);
  }
  if (session.watch().ours()) return send_kept(call, session);
  refuse_large_metadata(call, session);
  session.connection().close(io::CloseReason::kLocal);
}

void ClientLink::refuse_large_metadata(const ClientSession& session) {
  while (!waiting_for_ours_.empty()) refuse_large_metadata(call_of(waiting_for_ours_.next), session);
}

void ClientLink::refuse_large_metadata(ClientCall& call, const ClientSession& session) {
  end_with(call, kResourceExhausted,
           "the encoded metadata has " + std::to_string(call.metadata.size()) +
               " bytes; at most 511 go to a peer not known to be rocket-rpc (option peerIsRocketRpc), 8192 else; " +
               endpoint_->name +
               (session.watch().plain() ? " answers as C++ rocket does" : " has not answered a rpc::health check"));
}

std::string ClientLink::why_closed(const ClientSession& session, io::CloseReason reason) const {
  std::string why = io::name_of(reason);
  if (reason == io::CloseReason::kBadInput) why = session.why_rejected();
  if (reason == io::CloseReason::kLayer) why = session.connection().why_layer_failed();
  if (reason == io::CloseReason::kSilent) {
    why = "no sign of life for " + std::to_string(options().keepalive.limit().count()) +
          " ms (options keepaliveTimeMs, keepaliveTimeoutMs)";
  }
  return "the connection to " + endpoint_->name + " ended (" + why + ") before the reply came";
}

void ClientLink::on_session_closed(ClientSession& session, io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (reason == io::CloseReason::kBadInput) channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed);
  const std::string text = why_closed(session, reason);
  while (!session.calls.empty()) end_with(call_of(session.calls.next), kPeerClosed, text);
  if (ClientCall* held = session.held.call;
      held != nullptr && held->link == this && held->generation == session.held.generation) {
    end_with(*held, kPeerClosed, text);
  }
  const bool was_shared = shared_ == &session;
  // One that we closed ourselves, as the reply to a call given up may never come, says nothing against the peer.
  const bool proven = session.got_reply || reason == io::CloseReason::kLocal;
  sessions_.erase(session.at);  // destroys it
  if (was_shared) shared_ = nullptr;
  if (state() == rpc::LinkState::kClosed) return maybe_closed();
  if (options().short_connections || state() != rpc::LinkState::kReady) return;
  for (ClientSession& each : sessions_) {
    if (shared_ == nullptr && each.connection().open()) shared_ = &each;
  }
  if (shared_ != nullptr) return serve();
  if (proven) {
    begin_connect();
  } else {
    // Accepted and closed without one reply: no reason to reconnect at once.
    fall_back(text, INT64_MAX);
  }
}

}  // namespace rocket::tinypb
