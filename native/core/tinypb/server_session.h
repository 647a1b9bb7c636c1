#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/connection.h"
#include "rpc/call_session.h"
#include "rpc/foreign_protocol.h"
#include "rpc/method_table.h"
#include "rpc/request_head.h"
#include "rpc/server_call.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

/// One server connection that speaks TinyPB: frames in, requests to the shard, replies out.
class ServerSession final : public rpc::CallSession {
 public:
  ServerSession(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection);
  ~ServerSession() override;

  // CallSession
  /// TinyPB has one frame for the message and the end: the message waits for the end.
  void message(rpc::ServerCall& call, rpc::Payload& payload) override;
  void finish(rpc::ServerCall& call, const rpc::Status& status, std::string_view text,
              std::string_view trailers) override;
  void reply(rpc::ServerCall& call, rpc::Reply& reply) override;
  void release(rpc::ServerCall& call) override;
  bool retire(io::CloseReason why) override;

  // ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  bool on_large_frame(OwnedBytes& frame) override;
  bool on_out_of_memory(ByteSpan begun, std::size_t frame_bytes) override;
  bool busy() const override { return calls_in_flight_ > 0; }
  bool serves() const override { return true; }
  void on_peer_ended() override;
  void on_closed(io::CloseReason reason) override;
  // RoomWaiter
  void on_inbox_room() override;

 private:
  using Pause = io::Connection::Pause;
  static constexpr Pause kTooManyCalls = Pause::kSession;
  void note_ends_awaited() { ends_awaited_.set(peer_ended_ || connection_->paused_for(kTooManyCalls)); }
  void pause(Pause why);
  void resume(Pause why);

  /// False: the frame was not taken and has to be offered again after the pause.
  bool take_frame(ByteSpan frame, OwnedBytes* block);
  bool take_request(const FrameView& view, OwnedBytes* block);
  void answer(const FrameView& view, rpc::NativeHandler native);
  static void on_pulse(Timer& timer);
  void send_error(const FrameView& view, const rpc::Status& status, std::string_view text);
  /// Answers a request of which only msg_id and method are read.
  void refuse_unread(const FrameStart& start, std::string_view text);
  bool method_holds_start_byte(std::string_view name);
  bool has_room(std::size_t frame_bytes) const;
  std::string too_much(std::size_t frame_bytes) const;
  void reject(DecodeError error);
  const io::ConnectionLimits& connection_limits() const;
  /// By reference: a copy would read pairs of fields that were just written one by one, which stalls the processor.
  void send(FrameHead&& head, rpc::Payload& payload, bool checksum);

  struct PulseTimer : Timer {
    explicit PulseTimer(ServerSession& owner) : Timer(&ServerSession::on_pulse), session(owner) {}
    ServerSession& session;
  };

  std::string peer_name_;  ///< created for the first request: an idle connection needs none
  std::uint32_t calls_in_flight_ = 0;
  /// A peer usually calls one method repeatedly: comparing is faster than hashing.
  const rpc::Method* last_method_ = nullptr;
  const rpc::Method* judged_method_ = nullptr;
  bool judged_method_holds_ = false;
  bool peer_ended_ = false;
  /// While paused for kTooManyCalls, or waiting for the last reply to close.
  io::TasksAwaited ends_awaited_;
  bool peer_pings_ = false;  ///< it accepts an unasked answer to a health check
  PulseTimer pulse_timer_{*this};
  std::vector<std::pair<rpc::ServerCall*, OwnedBytes>> unfinished_;  ///< messages that wait for the end
  DecodeError rejected_ = DecodeError::kNone;
  rpc::Foreign foreign_ = rpc::Foreign::kNone;
};

}  // namespace rocket::tinypb
