#include "tinypb/peer_watch.h"

#include <algorithm>
#include <utility>

#include "rpc/health.h"
#include "tinypb/client_link.h"

namespace rocket::tinypb {

PeerWatch::PeerWatch(ClientSession& session, const rpc::Keepalive& keepalive)
    : session_(session),
      keepalive_(keepalive),
      learn_timer_([](Timer& timer) { static_cast<WatchTimer&>(timer).watch.on_silent(); }, *this),
      look_timer_([](Timer& timer) { static_cast<WatchTimer&>(timer).watch.look(); }, *this) {}

PeerWatch::~PeerWatch() {
  TimerWheel& timers = session_.connection().io().timers();
  timers.cancel(learn_timer_);
  timers.cancel(look_timer_);
}

SteadyMs PeerWatch::now() const { return session_.connection().io().now(); }

void PeerWatch::ask() {
  if (asked_ || peer_ == Peer::kPlain) return;
  asked_ = true;
  asked_at_ = now();
  if (!ours()) session_.connection().io().timers().arm(learn_timer_, asked_at_ + kLearnMs);
  send_check();
}

bool PeerWatch::within(SteadyMs bound) const { return peer_ == Peer::kUnknown && asked_ && now() < asked_at_ + bound; }

void PeerWatch::on_silent() {
  // First the short wait ends, then the long one.
  if (hopeful()) session_.connection().io().timers().arm(learn_timer_, asked_at_ + kHopeMs);
  session_.link().on_peer_known(session_);
}

void PeerWatch::send_check() {
  const FrameHead head{rpc::health::kPingId, rpc::health::kCheck, 0, {}};
  encode(session_.connection().append(frame_bytes(head, 0)), head, {}, true);
  check_pending_ = true;
  on_sent();
}

bool PeerWatch::take(const FrameView& reply) {
  if (reply.msg_id != rpc::health::kPingId) return false;
  check_pending_ = false;
  if (shows_ours(reply)) learn(Peer::kOurs);
  return true;
}

void PeerWatch::learn(Peer peer) {
  if (peer_ == peer) return;
  peer_ = peer;
  session_.connection().io().timers().cancel(learn_timer_);
  session_.link().on_peer_known(session_);
}

void PeerWatch::on_sent() {
  last_sent_ = now();
  if (look_timer_.armed() || keepalive_.time.count() == 0) return;
  sign_of_life_ = ack_due_since_ = looked_at_ = last_sent_;
  check_sent_ = 0;
  session_.connection().io().timers().arm(look_timer_, last_sent_ + keepalive_.look_every());
}

bool PeerWatch::awaits() const {
  const io::Connection& connection = session_.connection();
  return (ours() && check_pending_) || !session_.calls.empty() || connection.queued_bytes() > 0 ||
         last_sent_ > connection.last_read();
}

void PeerWatch::look() {
  if (!session_.connection().open() || !awaits()) return;
  const SteadyMs at = now();
  // Time in which this process was stopped, or had no core, says nothing about the peer; data received meanwhile is
  // read first.
  const SteadyMs late = at - look_timer_.expires_at;
  sign_of_life_ += late;
  if (check_sent_ != 0) check_sent_ += late;
  if (ack_due_since_ != 0) ack_due_since_ += late;
  session_.connection().io().timers().arm(look_timer_, at + keepalive_.look_every());
  const bool skip = late > keepalive_.look_every() && !was_late_;
  was_late_ = skip;
  if (skip) return;

  const io::TcpSigns signs = session_.connection().tcp_signs();
  if (heard(std::exchange(looked_at_, at), signs)) {
    sign_of_life_ = at;
    check_sent_ = 0;
  }
  if (unacknowledged_too_long(at, signs) || check_unanswered(at)) session_.connection().close(io::CloseReason::kSilent);
}

/// A sign of life: received bytes, or progress in sending, because an answer may have to wait behind a long request. (A
/// host accepts short data even if the process there is stopped.) While this side does not read, nothing can be
/// received.
bool PeerWatch::heard(SteadyMs looked_at, const io::TcpSigns& signs) {
  io::Connection& connection = session_.connection();
  const std::uint64_t written = connection.written_total();
  const std::uint64_t acknowledged = written - std::min<std::uint64_t>(written, signs.unacknowledged);
  const bool taken = std::exchange(acknowledged_, acknowledged) < acknowledged;
  const bool taking = taken && acknowledged < connection.appended_total();
  return connection.paused() || taking || connection.last_read() >= looked_at;
}

/// True for any peer whose host is lost. It does not depend on an open window: a slow reader still acknowledges.
bool PeerWatch::unacknowledged_too_long(SteadyMs now, const io::TcpSigns& signs) {
  if (!signs.known) return false;
  if (!signs.ack_due) {
    ack_due_since_ = 0;
    return false;
  }
  if (ack_due_since_ == 0) ack_due_since_ = now;
  ack_due_since_ = std::max(ack_due_since_, now - signs.since_ack.count());
  return now - ack_due_since_ >= keepalive_.limit().count();
}

/// Only rocket-rpc answers; while it does not read because it is overloaded, it sends the answer unasked.
bool PeerWatch::check_unanswered(SteadyMs now) {
  if (peer_ != Peer::kOurs) return false;
  if (check_sent_ != 0) return now - check_sent_ >= keepalive_.timeout.count();
  if (now - sign_of_life_ < keepalive_.time.count()) return false;
  check_sent_ = now;
  if (!check_pending_) send_check();
  return false;
}

}  // namespace rocket::tinypb
