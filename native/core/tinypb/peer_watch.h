#pragma once

#include <cstdint>

#include "base/timer_wheel.h"
#include "io/tcp_signs.h"
#include "tinypb/frame.h"

namespace rocket::rpc {

struct Keepalive;

}  // namespace rocket::rpc

namespace rocket::tinypb {

class ClientSession;

/// What a client knows about the peer of one connection: whether it is rocket-rpc, which is found out with a health
/// check right after connecting, and whether it is alive (docs/decisions/0026-knowing-the-peer.md). Belongs to its
/// session.
class PeerWatch {
 public:
  enum class Peer : std::uint8_t {
    kUnknown,
    kOurs,   ///< it has sent a checksum, or metadata in a reply
    kPlain,  ///< it has replied without a checksum to a request with one, as C++ rocket does
  };

  PeerWatch(ClientSession& session, const rpc::Keepalive& keepalive);
  ~PeerWatch();

  // io thread:
  /// Sends the health check, once. A peer known to be rocket-rpc learns from it that this side pings.
  void ask();
  void set_ours() { peer_ = Peer::kOurs; }
  bool ours() const { return peer_ == Peer::kOurs; }
  bool plain() const { return peer_ == Peer::kPlain; }
  /// The check was sent, and the answer may still come.
  bool learning() const { return within(kLearnMs); }
  /// The same for calls that only rocket-rpc can take.
  bool hopeful() const { return within(kHopeMs); }

  /// A request was queued, so a reply is expected.
  void on_sent();
  /// True: it was the answer to our own health check, and has been handled.
  bool take(const FrameView& reply);
  /// Something that C++ rocket never sends.
  static bool shows_ours(const FrameView& reply) {
    return reply.checksum != kNoChecksum || (reply.err_code == 0 && reply.err_info.find('=') != std::string_view::npos);
  }
  /// Learns from the reply to a call.
  void on_reply(bool shows_ours, bool request_had_checksum) {
    if (peer_ != Peer::kOurs && (shows_ours || request_had_checksum)) learn(shows_ours ? Peer::kOurs : Peer::kPlain);
  }

  /// How long calls after the first one wait for an unknown peer, before it is treated as C++ rocket.
  static constexpr SteadyMs kLearnMs = 250;
  static constexpr SteadyMs kHopeMs = 2000;

 private:
  struct WatchTimer : Timer {
    WatchTimer(Fire fire, PeerWatch& owner) : Timer(fire), watch(owner) {}
    PeerWatch& watch;
  };

  bool within(SteadyMs bound) const;
  void learn(Peer peer);
  void on_silent();
  void send_check();
  SteadyMs now() const;

  bool awaits() const;
  void look();
  bool heard(SteadyMs looked_at, const io::TcpSigns& signs);
  bool unacknowledged_too_long(SteadyMs now, const io::TcpSigns& signs);
  bool check_unanswered(SteadyMs now);

  ClientSession& session_;
  const rpc::Keepalive& keepalive_;
  Peer peer_ = Peer::kUnknown;
  bool asked_ = false;
  SteadyMs asked_at_ = 0;
  WatchTimer learn_timer_;

  WatchTimer look_timer_;
  SteadyMs last_sent_ = 0;
  SteadyMs looked_at_ = 0;
  SteadyMs sign_of_life_ = 0;  ///< time of the last one, or since when one is due
  bool check_pending_ = false;
  SteadyMs check_sent_ = 0;     ///< in this silence; 0: none was
  SteadyMs ack_due_since_ = 0;  ///< 0: none is due
  std::uint64_t acknowledged_ = 0;
  bool was_late_ = false;
};

}  // namespace rocket::tinypb
