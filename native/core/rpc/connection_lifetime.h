#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/timer_wheel.h"
#include "io/connection.h"

namespace rocket::rpc {

class CallSession;
class ServerShard;

/// Ends a connection of a server that has lived long enough, or has had no call for long enough (ServerOptions:
/// max_connection_age, max_connection_idle), without losing a call: its session tells the peer to leave
/// (CallSession::retire()), and only calls that outlive the grace are ended. A member of the session, on its io thread.
class ConnectionLifetime {
 public:
  ConnectionLifetime(CallSession& session, ServerShard& shard);
  ~ConnectionLifetime();
  ConnectionLifetime(const ConnectionLifetime&) = delete;
  ConnectionLifetime& operator=(const ConnectionLifetime&) = delete;

  void start();
  void note_call_end();
  SteadyMs last_call_end() const { return last_call_end_; }
  /// Begins the end now. False: it has begun already, or the session cannot end yet.
  bool retire(io::CloseReason why);
  /// Calls finish_retiring() of the session, and gives the peer a second to close the connection. If it were closed
  /// here at once, bytes that the peer has sent meanwhile would reset it, and the peer might never read the last
  /// answers.
  void linger();
  /// The reason with which the end of the connection is counted: the server has ended it, even if the peer closed it
  /// then.
  io::CloseReason counts_as(io::CloseReason closed) const;

 private:
  static constexpr SteadyMs kNever = INT64_MAX;

  static void on_timer(Timer& timer);
  void look();
  void look_again(SteadyMs at);
  void go_on(SteadyMs now);
  SteadyMs idle_at(SteadyMs now) const;

  struct LifeTimer : Timer {
    explicit LifeTimer(ConnectionLifetime& owner) : Timer(&ConnectionLifetime::on_timer), lifetime(owner) {}
    ConnectionLifetime& lifetime;
  };

  CallSession& session_;
  ServerShard& shard_;
  LifeTimer timer_{*this};
  SteadyMs old_at_ = kNever;
  SteadyMs last_call_end_ = 0;
  bool retiring_ = false;
  bool calls_ended_ = false;
  io::CloseReason reason_ = io::CloseReason::kLocal;
  SteadyMs told_by_ = kNever;  ///< when the peer must have reacted
  SteadyMs end_at_ = kNever;   ///< when the rest is ended: first its calls, then the connection
};

}  // namespace rocket::rpc
