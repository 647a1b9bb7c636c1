#include "grpc/keepalive.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/thread_check.h"

namespace rocket::grpc {

namespace {

constexpr std::array<std::uint8_t, h2::kPingDataBytes> kPing = {'r', 'o', 'c', 'k', 'e', 't', 0, 3};

}  // namespace

Keepalive::Keepalive(h2::Session& session, io::Connection& connection) : session_(session), connection_(connection) {}

Keepalive::~Keepalive() { connection_.io().timers().cancel(timer_); }

void Keepalive::start(Millis time, Millis timeout) {
  ROCKET_ON_IO_THREAD(connection_.io());
  if (time.count() == 0) return;
  time_ = time.count();
  timeout_ = timeout.count();
  wait(connection_.io().now());
}

void Keepalive::wait(SteadyMs since) {
  pinged_ = false;
  connection_.io().timers().arm(timer_, since + time_);
}

void Keepalive::on_ping_ack() {
  ROCKET_ON_IO_THREAD(connection_.io());
  if (pinged_) wait(connection_.io().now());
}

void Keepalive::on_timer(Timer& timer) { static_cast<KeepaliveTimer&>(timer).keepalive.look(); }

void Keepalive::look() {
  ROCKET_ON_IO_THREAD(connection_.io());
  if (!connection_.open() || session_.closed()) return;
  auto& timers = connection_.io().timers();
  const SteadyMs now = connection_.io().now();
  // While this side does not read, nothing can arrive; it checks again when it may have read something.
  const bool paused = connection_.paused();
  if (!pinged_) {
    const SteadyMs since = paused ? now : connection_.last_read();
    return now < since + time_ ? wait(since) : ping(now);
  }
  if (paused) return wait(now);
  if (connection_.last_read() >= pinged_at_) return wait(connection_.last_read());
  // A PING that waits behind data that the peer is reading is not late yet.
  const std::uint64_t written = connection_.written_total();
  const bool taking = std::exchange(written_seen_, written) < written && written < ping_end_;
  // Nor is one whose acknowledgement may have come while this process was stopped or got no CPU.
  const bool late = now - timer_.expires_at > timeout_ / 4 && !was_late_;
  was_late_ = late;
  if (taking || late) return timers.arm(timer_, now + timeout_);
  connection_.close(io::CloseReason::kSilent);
}

void Keepalive::ping(SteadyMs now) {
  session_.send_ping(kPing.data());
  pinged_ = true;
  pinged_at_ = now;
  ping_end_ = connection_.appended_total();
  written_seen_ = connection_.written_total();
  connection_.io().timers().arm(timer_, now + timeout_);
}

}  // namespace rocket::grpc
