#include "rpc/connection_lifetime.h"

#include <algorithm>

#include "base/thread_check.h"
#include "rpc/call_session.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::rpc {

namespace {

/// Pause until a session that could not end is tried again.
constexpr SteadyMs kAskAgainMs = 250;
/// For a peer to read the last answers, and to close.
constexpr SteadyMs kFlushMs = 1000;

}  // namespace

ConnectionLifetime::ConnectionLifetime(CallSession& session, ServerShard& shard) : session_(session), shard_(shard) {}

ConnectionLifetime::~ConnectionLifetime() { shard_.lane().io.timers().cancel(timer_); }

void ConnectionLifetime::start() {
  ROCKET_ON_IO_THREAD(shard_.lane().io);
  const auto& options = shard_.server().options();
  const SteadyMs now = shard_.lane().io.now();
  last_call_end_ = now;
  if (const Millis age = options.max_connection_age; age.count() > 0) old_at_ = now + shard_.jittered(age).count();
  look_again(std::min(old_at_, idle_at(now)));
}

void ConnectionLifetime::note_call_end() { last_call_end_ = shard_.lane().io.now(); }

SteadyMs ConnectionLifetime::idle_at(SteadyMs now) const {
  const SteadyMs idle = shard_.server().options().max_connection_idle.count();
  if (idle == 0) return kNever;
  return (session_.busy() ? now : last_call_end_) + idle;
}

void ConnectionLifetime::look_again(SteadyMs at) {
  if (at != kNever) shard_.lane().io.timers().arm(timer_, at);
}

void ConnectionLifetime::on_timer(Timer& timer) { static_cast<LifeTimer&>(timer).lifetime.look(); }

void ConnectionLifetime::look() {
  ROCKET_ON_IO_THREAD(shard_.lane().io);
  if (!session_.connection().open()) return;
  const SteadyMs now = shard_.lane().io.now();
  if (retiring_) return go_on(now);
  const SteadyMs due = std::min(old_at_, idle_at(now));
  if (now < due) return look_again(due);
  if (!retire(now >= old_at_ ? io::CloseReason::kMaxAge : io::CloseReason::kIdleTimeout)) {
    look_again(now + kAskAgainMs);
  }
}

bool ConnectionLifetime::retire(io::CloseReason why) {
  ROCKET_ON_IO_THREAD(shard_.lane().io);
  if (retiring_ || !session_.retire(why)) return false;
  const auto& options = shard_.server().options();
  const SteadyMs now = shard_.lane().io.now();
  retiring_ = true;
  reason_ = why;
  told_by_ = now + options.keepalive_timeout.count();
  const SteadyMs grace = options.max_connection_age_grace.count();
  if (grace > 0 && old_at_ != kNever) end_at_ = std::max(now, old_at_) + grace;
  look_again(std::min(told_by_, end_at_));
  return true;
}

void ConnectionLifetime::linger() {
  ROCKET_ON_IO_THREAD(shard_.lane().io);
  retiring_ = calls_ended_ = true;
  told_by_ = shard_.lane().io.now();
  end_at_ = told_by_ + kFlushMs;
  look_again(told_by_);
}

io::CloseReason ConnectionLifetime::counts_as(io::CloseReason closed) const {
  return retiring_ && closed == io::CloseReason::kPeerClosed ? reason_ : closed;
}

void ConnectionLifetime::go_on(SteadyMs now) {
  if (now >= told_by_) {
    told_by_ = kNever;
    session_.finish_retiring();
  }
  if (now >= end_at_) {
    if (calls_ended_) return session_.connection().close(reason_);
    calls_ended_ = true;
    end_at_ = now + kFlushMs;
    shard_.end_session(session_, {Code::kUnavailable},
                       "the connection was closed for its age before the call was finished (options "
                       "maxConnectionAgeMs, maxConnectionAgeGraceMs)");
  }
  look_again(std::min(told_by_, end_at_));
}

}  // namespace rocket::rpc
