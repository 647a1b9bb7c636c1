#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "io/connect.h"
#include "rpc/connecting_link.h"
#include "tinypb/client_call.h"
#include "tinypb/client_session.h"
#include "tinypb/request_frame.h"

namespace rocket::tinypb {

/// The calls of one endpoint on one io thread, and its connections. Once a peer is known to be rocket-rpc, all calls
/// share one connection. Any other peer gets one call at a time on each of a few kept connections, because C++ rocket
/// breaks when it has to write a reply before the previous one is sent. With short connections each call has one.
class ClientLink final : public rpc::ConnectingLink {
 public:
  explicit ClientLink(rpc::LinkSetup setup);
  ~ClientLink();

  // rpc::ClientLink
  void send(rpc::CallRequest& request) override;
  void cancel(rpc::LinkedCall& call) override;

  // Called by sessions.
  /// False when the Inbox is full: the reply has to be offered again.
  bool on_reply(ClientSession& session, const FrameView& view, OwnedBytes* block);
  /// A reply over the channel's limit: only its call fails.
  void on_reply_too_long(ClientSession& session, const FrameStart& start, std::size_t frame_bytes);
  /// The same for any reply of which only msg_id and method are read.
  void on_reply_unread(ClientSession& session, const FrameStart& start, std::string_view why);
  void on_session_closed(ClientSession& session, io::CloseReason reason);
  /// The session's peer is now known, or is no longer waited for.
  void on_peer_known(ClientSession& session);

 private:
  // rpc::ConnectingLink
  void on_connected(io::ConnectResult result) override;
  void fail_waiting(std::string_view why) override;
  void cancel_waiting(std::string_view why) override;
  void drop_all(std::string_view why) override;
  bool has_sessions() const override { return !sessions_.empty(); }

  std::shared_ptr<ClientLink> self() { return std::static_pointer_cast<ClientLink>(shared_from_this()); }
  static io::Task<void> connect_another(std::shared_ptr<ClientLink> self);
  static io::Task<void> connect_for(std::shared_ptr<ClientLink> self, ClientCall* call, std::uint32_t generation);
  ClientSession& add_session(io::ConnectResult result);
  void start(ClientSession& session);
  std::string why_closed(const ClientSession& session, io::CloseReason reason) const;

  /// A session whose connection has closed is told to the link at the end of the turn; until then calls wait.
  bool shares() const { return shared_ != nullptr && shared_->connection().open() && shared_->watch().ours(); }
  /// A session that may be sent a request now; null if calls have to wait.
  ClientSession* free_session();
  /// Sends waiting calls, as far as there are connections for them.
  void serve();
  /// Opens another connection for the waiting calls, if more connections are allowed.
  void grow();
  void close_spare_sessions();
  void send_held(ClientSession& session);
  /// Fails the calls that only rocket-rpc can accept: this peer is not rocket-rpc, or has not shown it.
  void refuse_large_metadata(const ClientSession& session);
  void refuse_large_metadata(ClientCall& call, const ClientSession& session);
  /// The call of a request on that session ends without its reply.
  void leave(ClientSession& session, const ClientCall& call);
  const char* what_it_waits_for(const ClientCall& call) const;

  void start_waiting(ClientCall& call, rpc::CallRequest& request);
  void wait(ClientCall& call, rpc::CallRequest& request, rpc::CallLink& waiting);
  /// Encodes the request to the session; fails the call if it exceeds a limit.
  void send(ClientCall& call, ClientSession& session, std::string_view metadata, ByteSpan body, OwnedBytes* large_body);
  void send_kept(ClientCall& call, ClientSession& session);
  /// The session's call has been answered.
  void after_reply(ClientSession& session);
  void after_late_reply(ClientSession& session, std::string_view msg_id);
  void release(ClientCall& call);
  void end_with(ClientCall& call, std::int32_t wire_code, std::string_view text);
  void fail_all(rpc::CallLink& calls, std::int32_t wire_code, std::string_view text);

  static void on_call_deadline(Timer& timer);

  // io thread:
  ClientCallTable calls_;
  RequestFrame request_;
  rpc::CallLink waiting_;              // calls that have no connection yet
  rpc::CallLink waiting_for_ours_;     // calls that only a rocket-rpc peer can accept
  std::list<ClientSession> sessions_;  // oldest first; a list: they do not move
  std::size_t connecting_ = 0;         // attempts of connect_another()
  ClientSession* shared_ = nullptr;    // the session in use, or the first one; null unless ready
  const std::size_t most_sessions_;    // while its peer is not rocket-rpc
  SteadyMs grow_again_at_ = 0;
};

/// TinyPB as a channel speaks it.
extern const rpc::ClientProtocol kClientProtocol;

}  // namespace rocket::tinypb
