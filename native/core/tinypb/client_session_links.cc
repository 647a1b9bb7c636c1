// The connections of a ClientSession: how they are opened, which of them calls use, how they are closed.

#include <algorithm>

#include "io/spawn.h"

#include "base/thread_check.h"
#include "tinypb/client_session.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

namespace {

/// The longest pause after an attempt that nobody answered: the network may be back at any moment, and there is no
/// server that many attempts could burden.
constexpr SteadyMs kUnansweredPauseMs = 1000;

ClientLink& link_of(ListLink* link) { return static_cast<ClientLink&>(*link); }

io::TcpKeepalive tcp_keepalive(const rpc::Keepalive& keepalive) {
  if (keepalive.time.count() == 0) return {};
  constexpr int kQuestions = 3;
  const auto seconds = [](SteadyMs ms) { return static_cast<int>(std::clamp<SteadyMs>((ms + 999) / 1000, 1, 32'767)); };
  return {seconds(keepalive.time.count()), seconds(keepalive.timeout.count() / kQuestions), kQuestions};
}

}  // namespace

void ClientSession::connect_now() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!options().short_connections && state() == rpc::LinkState::kIdle) begin_connect();
}

void ClientSession::begin_connect() {
  set_state(rpc::LinkState::kConnecting);
  io::spawn(lane_.io.context(), shared_from_this(), connect_shared(shared_from_this()));
}

io::Task<io::ConnectResult> ClientSession::connect() const {
  return io::connect(lane_.io, addresses_, options().connect_timeout, tcp_keepalive(options().keepalive));
}

io::Task<void> ClientSession::connect_shared(std::shared_ptr<ClientSession> self) {
  auto result = co_await self->connect();
  if (self->state() != rpc::LinkState::kConnecting) co_return;
  if (!result.socket) {
    self->on_connect_failed(std::move(result.error), result.unanswered);
    co_return;
  }
  ClientLink& link = self->add_link(std::move(result));
  self->shared_ = &link;
  self->last_error_.clear();
  self->set_state(rpc::LinkState::kReady);
  self->start(link);
  self->serve();
}

io::Task<void> ClientSession::connect_another(std::shared_ptr<ClientSession> self) {
  auto result = co_await self->connect();
  --self->connecting_;
  const bool wanted = self->state() == rpc::LinkState::kReady && !self->shares();
  if (!result.socket) {
    self->channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
    self->grow_again_at_ = self->lane_.io.now() + self->options().first_backoff.count();
  }
  if (!result.socket || !wanted) co_return;
  self->start(self->add_link(std::move(result)));
  self->serve();
}

io::Task<void> ClientSession::connect_for(std::shared_ptr<ClientSession> self, ClientCall* call,
                                          std::uint32_t generation) {
  auto result = co_await self->connect();
  if (call->session != self.get() || call->generation != generation) co_return;
  if (!result.socket) {
    self->channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
    self->end_with(*call, kFailedConnect, result.error);
    co_return;
  }
  ClientLink& link = self->add_link(std::move(result));
  link.start();
  if (self->options().peer_is_rocket_rpc) link.watch().set_ours();
  if (call->metadata.size() <= kOldPeerErrInfoBytes || link.watch().ours()) {
    self->send_kept(*call, link);
    co_return;
  }
  link.held = {call, generation};
  link.watch().ask();
}

ClientLink& ClientSession::add_link(io::ConnectResult result) {
  channel_->counters.connects.fetch_add(1, std::memory_order_relaxed);
  auto connection = std::make_shared<io::Connection>(lane_.io, std::move(*result.socket), result.peer,
                                                     options().connection, channel_->gauges);
  // Deleted by on_link_closed().
  auto* link = new ClientLink(shared_from_this(), std::move(connection), options().keepalive);
  links_.push_back(*link);
  ++link_count_;
  return *link;
}

void ClientSession::start(ClientLink& link) {
  link.start();
  if (options().peer_is_rocket_rpc) link.watch().set_ours();
  if (link.watch().ours() || !endpoint_->seems_plain.load(std::memory_order_relaxed) || !options().checksum) {
    link.watch().ask();
  }
}

ClientLink* ClientSession::free_link() {
  for (ListLink* at = links_.next; at != &links_; at = at->next) {
    if (link_of(at).free()) return &link_of(at);
  }
  return nullptr;
}

void ClientSession::serve() {
  if (shares()) {
    while (!waiting_for_ours_.empty()) send_kept(call_of(waiting_for_ours_.next), *shared_);
    while (!waiting_.empty()) send_kept(call_of(waiting_.next), *shared_);
    return close_spare_links();
  }
  if (!waiting_for_ours_.empty() && shared_ != nullptr) {
    shared_->watch().ask();
    if (!shared_->watch().hopeful()) refuse_large_metadata(*shared_);
  }
  while (!waiting_.empty()) {
    ClientLink* link = free_link();
    if (link == nullptr) break;
    send_kept(call_of(waiting_.next), *link);
  }
  grow();
}

void ClientSession::grow() {
  if (shared_ == nullptr || shares() || lane_.io.now() < grow_again_at_) return;
  if (shared_->watch().learning() && !endpoint_->seems_plain.load(std::memory_order_relaxed)) return;
  std::size_t wanted = 0;
  for (ListLink* at = waiting_.next; at != &waiting_ && link_count_ + connecting_ < most_links_; at = at->next) {
    if (++wanted <= connecting_) continue;
    ++connecting_;
    io::spawn(lane_.io.context(), shared_from_this(), connect_another(shared_from_this()));
  }
}

void ClientSession::close_spare_links() {
  if (link_count_ <= 1) return;
  for (ListLink* at = links_.next; at != &links_; at = at->next) {
    ClientLink& link = link_of(at);
    if (&link != shared_ && link.calls.empty()) link.connection().close(io::CloseReason::kLocal);
  }
}

void ClientSession::on_peer_known(ClientLink& link) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (options().short_connections) return send_held(link);
  if (link.watch().ours()) {
    endpoint_->seems_plain.store(false, std::memory_order_relaxed);
    link.given_up_id.clear();
    if (!shares() && shared_ != nullptr) shared_ = &link;
  } else {
    if (link.watch().plain()) endpoint_->seems_plain.store(true, std::memory_order_relaxed);
    if (!link.watch().learning() && !link.given_up_id.empty()) link.connection().close(io::CloseReason::kLocal);
  }
  if (shared_ != nullptr) serve();
}

void ClientSession::send_held(ClientLink& link) {
  if (link.held.call == nullptr || (!link.watch().ours() && link.watch().hopeful())) return;
  ClientCall& call = *std::exchange(link.held.call, nullptr);
  if (call.session != this || call.generation != link.held.generation) {
    return link.connection().close(io::CloseReason::kLocal);
  }
  if (link.watch().ours()) return send_kept(call, link);
  refuse_large_metadata(call, link);
  link.connection().close(io::CloseReason::kLocal);
}

void ClientSession::refuse_large_metadata(const ClientLink& link) {
  while (!waiting_for_ours_.empty()) refuse_large_metadata(call_of(waiting_for_ours_.next), link);
}

void ClientSession::refuse_large_metadata(ClientCall& call, const ClientLink& link) {
  end_with(call, kResourceExhausted,
           "the encoded metadata has " + std::to_string(call.metadata.size()) +
               " bytes; at most 511 go to a peer not known to be rocket-rpc (option peerIsRocketRpc), 8192 else; " +
               endpoint_->name +
               (link.watch().plain() ? " answers as C++ rocket does" : " has not answered a rpc::health check"));
}

void ClientSession::on_connect_failed(std::string error, bool unanswered) {
  channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
  if (state() == rpc::LinkState::kClosed) return;
  fall_back(std::move(error), unanswered ? kUnansweredPauseMs : INT64_MAX);
}

/// There is no connection, and for a while no attempt: calls without `waitForReady` fail.
void ClientSession::fall_back(std::string error, SteadyMs most) {
  last_error_ = std::move(error);
  set_state(rpc::LinkState::kFailed);
  for (rpc::CallLink* calls : {&waiting_, &waiting_for_ours_}) {
    fail_all(*calls, kFailedConnect, last_error_);
  }
  back_off(most);
}

void ClientSession::back_off(SteadyMs most) {
  const auto longest = std::min<SteadyMs>(options().longest_backoff.count(), most);
  const auto base = std::min<SteadyMs>(options().first_backoff.count() << std::min(attempts_, 20), longest);
  ++attempts_;
  // A fifth up or down, so that the clients of a server that died do not reconnect at the same time.
  const auto delay = base * std::uniform_int_distribution<SteadyMs>(800, 1200)(random_) / 1000;
  lane_.io.timers().arm(backoff_timer_, lane_.io.now() + std::max<SteadyMs>(delay, 1));
}

void ClientSession::on_backoff_over(Timer& timer) {
  ClientSession& session = static_cast<BackoffTimer&>(timer).session;
  if (session.state() == rpc::LinkState::kFailed) session.begin_connect();
}

std::string ClientSession::why_closed(const ClientLink& link, io::CloseReason reason) const {
  std::string why = io::name_of(reason);
  if (reason == io::CloseReason::kBadInput) why = link.why_rejected();
  if (reason == io::CloseReason::kSilent) {
    why = "no sign of life for " + std::to_string(options().keepalive.limit().count()) +
          " ms (options keepaliveTimeMs, keepaliveTimeoutMs)";
  }
  return "the connection to " + endpoint_->name + " ended (" + why + ") before the reply came";
}

void ClientSession::on_link_closed(ClientLink& link, io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (reason == io::CloseReason::kBadInput) channel_->counters.frames_rejected.fetch_add(1, std::memory_order_relaxed);
  const std::string text = why_closed(link, reason);
  while (!link.calls.empty()) end_with(call_of(link.calls.next), kPeerClosed, text);
  if (ClientCall* held = link.held.call;
      held != nullptr && held->session == this && held->generation == link.held.generation) {
    end_with(*held, kPeerClosed, text);
  }
  const bool was_shared = shared_ == &link;
  // One that we closed ourselves, as the reply to a call given up may never come, says nothing against the peer.
  const bool proven = link.got_reply || reason == io::CloseReason::kLocal;
  static_cast<ListLink&>(link).unlink();
  --link_count_;
  delete &link;
  if (was_shared) shared_ = nullptr;
  if (state() == rpc::LinkState::kClosed) return maybe_closed();
  if (options().short_connections || state() != rpc::LinkState::kReady) return;
  for (ListLink* at = links_.next; at != &links_ && shared_ == nullptr; at = at->next) {
    if (link_of(at).connection().open()) shared_ = &link_of(at);
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
