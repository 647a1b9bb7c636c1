#include "rpc/connecting_link.h"

#include <algorithm>
#include <utility>

#include "base/thread_check.h"
#include "io/spawn.h"
#include "rpc/events.h"
#include "tls/client_handshake.h"

namespace rocket::rpc {

namespace {

/// The longest pause after an attempt that got no answer: the network may be back at any moment, and there is no server
/// that attempts could burden.
constexpr SteadyMs kUnansweredPauseMs = 1000;
/// A peer may end this many connections in a row before it has answered a call, without a call that fails.
constexpr int kMostReplaced = 5;
/// This text is not shown: the attempt ends at once and closes its socket.
constexpr const char* kClosedMeanwhile = "the channel is closed";

io::TcpKeepalive tcp_keepalive(const Keepalive& keepalive) {
  if (keepalive.time.count() == 0) return {};
  constexpr int kQuestions = 3;
  const auto seconds = [](SteadyMs ms) { return static_cast<int>(std::clamp<SteadyMs>((ms + 999) / 1000, 1, 32'767)); };
  return {seconds(keepalive.time.count()), seconds(keepalive.timeout.count() / kQuestions), kQuestions};
}

}  // namespace

ConnectingLink::ConnectingLink(LinkSetup setup)
    : ClientLink(setup.lane),
      channel_(std::move(setup.channel)),
      endpoint_(std::move(setup.endpoint)),
      index_(setup.index),
      random_(std::random_device{}()),
      addresses_(std::move(setup.addresses)),
      tls_(channel_->tls),
      tls_sessions_(tls_ == nullptr ? nullptr : std::make_shared<tls::SessionSlot>()) {}

ConnectingLink::~ConnectingLink() = default;

void ConnectingLink::attach() {
  ROCKET_ON_IO_THREAD(lane_.io);
  port_ = lane_.port_for(channel_->inbox);
}

void ConnectingLink::connect_now() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!options().short_connections && state() == LinkState::kIdle) begin_connect();
}

void ConnectingLink::begin_connect() {
  set_state(LinkState::kConnecting);
  io::spawn(lane_.io.context(), shared_from_this(), connect_once(shared_from_this()));
}

// The caller awaits it at once, and keeps the link.
io::Task<io::ConnectResult> ConnectingLink::connect() {
  auto reached =
      co_await io::connect(lane_.io, addresses_, options().connect_timeout, tcp_keepalive(options().keepalive));
  if (!reached.socket || tls_ == nullptr) co_return reached;
  const ClientProtocol& protocol = *options().protocol;
  const tls::ServerName server{endpoint_->server_name, std::string(protocol.alpn), protocol.needs_alpn, tls_sessions_,
                               options().judges_servers ? this : nullptr};
  co_return co_await tls::secure(lane_.io, std::move(reached), tls_, server, options().connect_timeout);
}

void ConnectingLink::judge(const std::shared_ptr<tls::ServerQuestion>& question) {
  if (state() == LinkState::kClosed) return question->answer(kClosedMeanwhile);
  std::erase_if(questions_, [](const auto& asked) { return asked.second.expired(); });
  questions_[++last_question_] = question;
  port_->push_always(ServerCheckEvent{.endpoint = endpoint_->number,
                                      .link = index_,
                                      .question = static_cast<std::int32_t>(last_question_),
                                      .payload = as_bytes(question->certificate)});
}

void ConnectingLink::answer_server_check(std::uint32_t question, std::string refusal) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const auto found = questions_.find(question);
  if (found == questions_.end()) return;
  const auto asked = found->second.lock();
  questions_.erase(found);
  if (asked != nullptr) asked->answer(std::move(refusal));
}

io::Task<void> ConnectingLink::connect_once(std::shared_ptr<ConnectingLink> self) {
  auto result = co_await self->connect();
  if (self->state() != LinkState::kConnecting) co_return;
  if (!result.socket) {
    self->on_connect_failed(std::move(result.error), result.unanswered);
    co_return;
  }
  self->on_connected(std::move(result));
}

std::shared_ptr<io::Connection> ConnectingLink::make_connection(io::ConnectResult result) {
  channel_->counters.connects.fetch_add(1, std::memory_order_relaxed);
  auto connection = std::make_shared<io::Connection>(lane_.io, std::move(*result.socket), result.peer,
                                                     options().connection, channel_->gauges);
  if (result.layer != nullptr) {
    static_cast<tls::Stream&>(*result.layer).put_over(connection->socket());
    connection->put_layer(std::move(result.layer));
  }
  return connection;
}

void ConnectingLink::count_connect_failure() {
  channel_->counters.connect_failures.fetch_add(1, std::memory_order_relaxed);
}

void ConnectingLink::on_connect_failed(std::string error, bool unanswered) {
  count_connect_failure();
  if (state() == LinkState::kClosed) return;
  fall_back(std::move(error), unanswered ? kUnansweredPauseMs : INT64_MAX);
}

void ConnectingLink::fall_back(std::string error, SteadyMs most) {
  last_error_ = std::move(error);
  set_state(LinkState::kFailed);
  fail_waiting(last_error_);
  back_off(most);
}

void ConnectingLink::replace_unproven(std::string error) {
  if (replaced_ >= kMostReplaced) return fall_back(std::move(error), INT64_MAX);
  last_error_ = std::move(error);
  if (replaced_++ == 0) return begin_connect();
  pausing_ = true;
  set_state(LinkState::kConnecting);
  back_off(INT64_MAX);
}

void ConnectingLink::back_off(SteadyMs most) {
  const auto longest = std::min<SteadyMs>(options().longest_backoff.count(), most);
  const auto base = std::min<SteadyMs>(options().first_backoff.count() << std::min(attempts_, 20), longest);
  ++attempts_;
  // Varied by a fifth, so that the clients of a server that died do not reconnect at the same time.
  const auto delay = base * std::uniform_int_distribution<SteadyMs>(800, 1200)(random_) / 1000;
  lane_.io.timers().arm(backoff_timer_, lane_.io.now() + std::max<SteadyMs>(delay, 1));
}

void ConnectingLink::on_backoff_over(Timer& timer) {
  ConnectingLink& link = static_cast<BackoffTimer&>(timer).link;
  const bool pausing = std::exchange(link.pausing_, false);
  if (pausing || link.state() == LinkState::kFailed) link.begin_connect();
}

void ConnectingLink::set_state(LinkState state) {
  store_state(state);
  port_->push_always(EndpointStateEvent{.endpoint = endpoint_->number,
                                        .link = index_,
                                        .state = state,
                                        .text = state == LinkState::kFailed ? std::string_view(last_error_) : ""});
}

void ConnectingLink::release_waiting() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (state() != LinkState::kReady) cancel_waiting("the endpoint is no longer listed");
}

void ConnectingLink::close() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (state() == LinkState::kClosed) return;
  store_state(LinkState::kClosed);
  lane_.io.timers().cancel(backoff_timer_);
  for (const auto& [number, asked] : questions_) {
    if (const auto question = asked.lock()) question->answer(kClosedMeanwhile);
  }
  questions_.clear();
  drop_all("the channel was closed before the call was finished");
  maybe_closed();
}

void ConnectingLink::maybe_closed() {
  if (closed_reported_ || has_sessions()) return;
  closed_reported_ = true;
  port_->push_always(EndpointClosedEvent{.endpoint = endpoint_->number, .link = index_});
}

void ConnectingLink::begin(LinkedCall& call, const CallRequest& request) {
  call.link = this;
  call.handle = request.handle;
  call.method = request.method;
  call.started = lane_.io.now();
  auto& by_handle = port_->calls_by_handle();
  if (by_handle.size() <= request.handle.index) by_handle.resize(request.handle.index + 64);
  by_handle[request.handle.index] = &call;
  channel_->calls.share(lane_.io.index()).begin();
  lane_.io.timers().arm(call, request.deadline);
}

void ConnectingLink::refuse(const CallRequest& request, const Status& status, std::string_view why) {
  port_->push_always(
      FailureEvent{.endpoint = endpoint_->number, .handle = request.handle, .status = status, .text = why});
}

bool ConnectingLink::keep(LinkedCall& call, CallRequest& request, CallLink& waiting) {
  const auto bytes = static_cast<std::int64_t>(request.payload().size());
  auto& waiting_bytes = channel_->counters.waiting_bytes;
  waiting.push_back(static_cast<CallLink&>(call));
  call.metadata = request.metadata;
  if (waiting_bytes.load(std::memory_order_relaxed) + bytes >
      static_cast<std::int64_t>(options().connection.max_write_queue_bytes)) {
    return false;
  }
  waiting_bytes.fetch_add(bytes, std::memory_order_relaxed);
  call.body = request.large_body.empty() ? OwnedBytes::copy_of(request.body) : std::move(request.large_body);
  return true;
}

OwnedBytes ConnectingLink::take_kept(LinkedCall& call) {
  channel_->counters.waiting_bytes.fetch_sub(static_cast<std::int64_t>(call.body.size()), std::memory_order_relaxed);
  return std::move(call.body);
}

void ConnectingLink::tell_failure(const LinkedCall& call, const Status& status, std::string_view text, bool written) {
  port_->push_always(FailureEvent{.endpoint = endpoint_->number,
                                  .handle = call.handle,
                                  .status = status,
                                  .text = text,
                                  .flags = written ? event_flag::kRequestWritten : 0});
}

void ConnectingLink::forget(LinkedCall& call) {
  lane_.io.timers().cancel(call);
  static_cast<CallLink&>(call).unlink();
  if (!call.body.empty()) static_cast<void>(take_kept(call));
  LinkedCall*& by_handle = port_->calls_by_handle()[call.handle.index];
  if (by_handle == &call) by_handle = nullptr;
  channel_->calls.share(lane_.io.index()).end();
}

}  // namespace rocket::rpc
