// Keepalive of gRPC: sends a PING if nothing has been received for a while.
#include <algorithm>
#include <cstring>

#include "grpc/client_link.h"
#include "grpc/client_session.h"

namespace rocket::grpc {

namespace {

constexpr std::uint8_t kPing[h2::kPingDataBytes] = {'r', 'o', 'c', 'k', 'e', 't', 0, 3};

}  // namespace

void ClientSession::watch_peer() {
  if (look_timer_.armed() || link_->keepalive_ms() == 0) return;
  auto& io = connection_->io();
  io.timers().arm(look_timer_, std::max(connection_->last_read(), io.now()) + link_->keepalive_ms());
}

void ClientSession::on_look(Timer& timer) { static_cast<LookTimer&>(timer).session.look_at_peer(); }

void ClientSession::on_ping_ack(ByteSpan data) {
  if (asked_at_ == 0 || std::memcmp(data.data(), kPing, sizeof kPing) != 0) return;
  asked_at_ = 0;
  auto& timers = connection_->io().timers();
  timers.cancel(look_timer_);
  if (!calls.empty() || link_->options().keepalive_without_calls) watch_peer();
}

void ClientSession::look_at_peer() {
  auto& io = connection_->io();
  const SteadyMs now = io.now();
  const auto& options = link_->options();
  if (!connection_->open()) return;
  // While this side does not read, silence means nothing.
  if (connection_->paused() || connection_->last_read() >= asked_at_) asked_at_ = 0;
  if (asked_at_ != 0) {
    const SteadyMs due = asked_at_ + options.keepalive.timeout.count();
    if (now >= due) return connection_->close(io::CloseReason::kSilent);
    return io.timers().arm(look_timer_, due);
  }
  if (calls.empty() && !options.keepalive_without_calls) return;
  const SteadyMs due = (connection_->paused() ? now : connection_->last_read()) + link_->keepalive_ms();
  if (now < due) return io.timers().arm(look_timer_, due);
  h2_.send_ping(kPing);
  asked_at_ = now;
  io.timers().arm(look_timer_, now + std::max<SteadyMs>(options.keepalive.timeout.count(), 1));
}

}  // namespace rocket::grpc
