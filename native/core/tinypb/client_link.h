#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "io/address.h"
#include "io/connect.h"
#include "rpc/client_link.h"
#include "tinypb/client_call.h"
#include "tinypb/client_session.h"
#include "tinypb/request_frame.h"

namespace rocket::tinypb {

/// The calls of one endpoint on one io thread, and its connections. Once a peer is known to be rocket-rpc, all calls
/// share one connection. Any other peer gets one call at a time on each of a few kept connections, because C++ rocket
/// breaks when it has to write a reply before the previous one is sent. With short connections each call has one.
/// Owners: the endpoint on the JavaScript thread, its sessions, and its coroutines.
class ClientLink final : public rpc::ClientLink, public std::enable_shared_from_this<ClientLink> {
 public:
  explicit ClientLink(rpc::LinkSetup setup);
  ~ClientLink();

  // any thread:
  const rpc::ClientOptions& options() const { return channel_->options; }

  // rpc::ClientLink
  void attach() override;
  void send(rpc::CallRequest& request) override;
  void cancel(rpc::LinkedCall& call) override;
  void connect_now() override;
  void set_addresses(std::vector<io::Address> addresses) override { addresses_ = std::move(addresses); }
  void close() override;

  rpc::InboxPort& port() { return *port_; }

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

  // For spawn().
  const char* task_name() const { return "client link"; }
  void fail() { on_connect_failed("internal error while connecting"); }

 private:
  static io::Task<void> connect_shared(std::shared_ptr<ClientLink> self);
  static io::Task<void> connect_another(std::shared_ptr<ClientLink> self);
  static io::Task<void> connect_for(std::shared_ptr<ClientLink> self, ClientCall* call, std::uint32_t generation);
  io::Task<io::ConnectResult> connect() const;
  ClientSession& add_session(io::ConnectResult result);
  void start(ClientSession& session);
  void begin_connect();
  void on_connect_failed(std::string error, bool unanswered = false);
  void fall_back(std::string error, SteadyMs most);
  /// Pauses for twice as long as the last time, but not for longer than `most`.
  void back_off(SteadyMs most);
  std::string why_closed(const ClientSession& session, io::CloseReason reason) const;

  bool shares() const { return shared_ != nullptr && shared_->watch().ours(); }
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
  void set_state(rpc::LinkState state);

  void start_waiting(ClientCall& call, rpc::CallRequest& request);
  void keep(ClientCall& call, rpc::CallRequest& request, rpc::CallLink& waiting);
  /// Encodes the request to the session; fails the call if it exceeds a limit.
  void send(ClientCall& call, ClientSession& session, std::string_view metadata, ByteSpan body, OwnedBytes* large_body);
  void send_kept(ClientCall& call, ClientSession& session);
  /// The session's call has been answered.
  void after_reply(ClientSession& session);
  void after_late_reply(ClientSession& session, std::string_view msg_id);
  void release(ClientCall& call);
  void end_with(ClientCall& call, std::int32_t wire_code, std::string_view text);
  void fail_all(rpc::CallLink& calls, std::int32_t wire_code, std::string_view text);
  void maybe_closed();

  static void on_call_deadline(Timer& timer);
  static void on_backoff_over(Timer& timer);

  struct BackoffTimer : Timer {
    explicit BackoffTimer(ClientLink& owner) : Timer(&ClientLink::on_backoff_over), link(owner) {}
    ClientLink& link;
  };

  const std::shared_ptr<rpc::ClientChannel> channel_;
  const std::shared_ptr<rpc::ClientEndpointInfo> endpoint_;
  const std::uint32_t index_;

  // io thread:
  std::vector<io::Address> addresses_;
  std::shared_ptr<rpc::InboxPort> port_;
  std::minstd_rand random_;
  ClientCallTable calls_;
  RequestFrame request_;
  rpc::CallLink waiting_;              // calls that have no connection yet
  rpc::CallLink waiting_for_ours_;     // calls that only a rocket-rpc peer can accept
  std::list<ClientSession> sessions_;  // oldest first; a list: they do not move
  std::size_t connecting_ = 0;         // attempts of connect_another()
  ClientSession* shared_ = nullptr;    // the session in use, or the first one; null unless ready
  const std::size_t most_sessions_;    // while its peer is not rocket-rpc
  SteadyMs grow_again_at_ = 0;
  BackoffTimer backoff_timer_{*this};
  int attempts_ = 0;
  std::string last_error_;
  bool closed_reported_ = false;
};

/// TinyPB as a channel speaks it.
extern const rpc::ClientProtocol kClientProtocol;

}  // namespace rocket::tinypb
