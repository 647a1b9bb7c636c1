#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/timer_wheel.h"
#include "h2/session.h"
#include "io/connection.h"

namespace rocket::grpc {

/// The PINGs of a side: one is sent after `time` without a byte from the peer. If no byte has come within `timeout`
/// after it was written, the connection is closed at once. At most one PING is outstanding. A member of the session, on
/// its io thread.
class Keepalive {
 public:
  Keepalive(h2::Session& session, io::Connection& connection);
  ~Keepalive();
  Keepalive(const Keepalive&) = delete;
  Keepalive& operator=(const Keepalive&) = delete;

  /// `time` 0: none are sent.
  void start(Millis time, Millis timeout);
  void on_ping_ack();

 private:
  static void on_timer(Timer& timer);
  void look();
  void ping(SteadyMs now);
  void wait(SteadyMs since);

  struct KeepaliveTimer : Timer {
    explicit KeepaliveTimer(Keepalive& owner) : Timer(&Keepalive::on_timer), keepalive(owner) {}
    Keepalive& keepalive;
  };

  h2::Session& session_;
  io::Connection& connection_;
  KeepaliveTimer timer_{*this};
  SteadyMs time_ = 0;
  SteadyMs timeout_ = 0;
  bool pinged_ = false;
  bool was_late_ = false;
  SteadyMs pinged_at_ = 0;
  std::uint64_t ping_end_ = 0;      ///< position of the PING's end in the written bytes
  std::uint64_t written_seen_ = 0;  ///< at the last check
};

}  // namespace rocket::grpc
