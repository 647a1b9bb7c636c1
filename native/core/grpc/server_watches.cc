// Watches of grpc.health.v1, which are answered natively.

#include "grpc/health.h"
#include "grpc/server_session.h"

#include "rpc/server_shard.h"

namespace rocket::grpc {

namespace {

constexpr SteadyMs kWatchLookMs = 250;
/// For each connection. A watch is checked four times a second.
constexpr std::size_t kMostWatches = 100;
constexpr std::uint8_t kNothingTold = 0xff;

}  // namespace

void ServerSession::start_watch(ServerRequest& request, std::string_view service) {
  if (watches_.size() >= kMostWatches) {
    return fail(request, {rpc::Code::kResourceExhausted}, "the connection has 100 health watches already");
  }
  forget_message(request);
  request.is_watch = true;
  request.metadata = service;
  request.told_serving = kNothingTold;
  watches_.push_back(&request);
  tell_watch(request, shard_.probe());
  auto& timers = connection_->io().timers();
  if (!watch_timer_.armed()) timers.arm(watch_timer_, connection_->io().now() + kWatchLookMs);
}

void ServerSession::tell_watch(ServerRequest& watch, SteadyMs lag) {
  const auto serving = health::serving_of(shard_, watch.metadata, lag);
  if (watch.told_serving == static_cast<std::uint8_t>(serving)) return;
  watch.told_serving = static_cast<std::uint8_t>(serving);
  send_message(watch, as_bytes(health::response(serving)), false);
}

void ServerSession::tell_watches() {
  if (watches_.empty()) return;
  const SteadyMs lag = shard_.probe();
  for (ServerRequest* watch : watches_) tell_watch(*watch, lag);
  connection_->io().timers().arm(watch_timer_, connection_->io().now() + kWatchLookMs);
}

void ServerSession::on_watch_look(Timer& timer) {
  ServerSession& session = static_cast<WatchTimer&>(timer).session;
  if (session.connection_->open()) session.tell_watches();
}

}  // namespace rocket::grpc
