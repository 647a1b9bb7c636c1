#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "io/address.h"
#include "io/connect.h"
#include "rpc/client_channel.h"
#include "rpc/engine.h"
#include "tinypb/client_call.h"
#include "tinypb/client_link.h"
#include "tinypb/request_frame.h"

namespace rocket::tinypb {

/// The calls of one endpoint on one io thread, and its connections. Once a peer is known to be rocket-rpc, all calls
/// share one connection. Any other peer gets one call at a time on each of a few kept connections, because C++ rocket
/// breaks when it has to write a reply before the previous one is sent. With short connections each call has one.
/// Owners: the endpoint on the JavaScript thread,
/// its links, and its coroutines.
class ClientSession final : public std::enable_shared_from_this<ClientSession> {
 public:
  ClientSession(std::shared_ptr<rpc::ClientChannel> channel, std::shared_ptr<rpc::ClientEndpointInfo> endpoint,
                rpc::Lane& lane, std::uint32_t index, std::size_t sessions, std::vector<io::Address> addresses);
  ~ClientSession();

  // any thread:
  rpc::LinkState state() const { return state_.load(std::memory_order_relaxed); }
  rpc::Lane& lane() { return lane_; }
  const rpc::ClientOptions& options() const { return channel_->options; }

  // io thread:
  void attach();
  void start_call(rpc::CallRequest& request);
  static void cancel(rpc::InboxPort& port, rpc::CallHandle handle);
  /// Connects if idle, so that the first call need not wait.
  void connect_now();
  void set_addresses(std::vector<io::Address> addresses) { addresses_ = std::move(addresses); }
  /// Fails what is in flight with CANCELLED, closes, then sends kEndpointClosed.
  void close();
  rpc::InboxPort& port() { return *port_; }

  // Called by links.
  /// False when the Inbox is full: the reply has to be offered again.
  bool on_reply(ClientLink& link, const FrameView& view, OwnedBytes* block);
  /// A reply over the channel's limit: only its call fails.
  void on_reply_too_long(ClientLink& link, const FrameStart& start, std::size_t frame_bytes);
  /// The same for any reply of which only msg_id and method are read.
  void on_reply_unread(ClientLink& link, const FrameStart& start, std::string_view why);
  void on_link_closed(ClientLink& link, io::CloseReason reason);
  /// The link's peer is now known, or is no longer waited for.
  void on_peer_known(ClientLink& link);

  // For spawn().
  const char* task_name() const { return "client session"; }
  void fail() { on_connect_failed("internal error while connecting"); }

 private:
  static io::Task<void> connect_shared(std::shared_ptr<ClientSession> self);
  static io::Task<void> connect_another(std::shared_ptr<ClientSession> self);
  static io::Task<void> connect_for(std::shared_ptr<ClientSession> self, ClientCall* call, std::uint32_t generation);
  io::Task<io::ConnectResult> connect() const;
  ClientLink& add_link(io::ConnectResult result);
  void start(ClientLink& link);
  void begin_connect();
  void on_connect_failed(std::string error, bool unanswered = false);
  void fall_back(std::string error, SteadyMs most);
  /// Pauses for twice as long as the last time, but not for longer than `most`.
  void back_off(SteadyMs most);
  std::string why_closed(const ClientLink& link, io::CloseReason reason) const;

  bool shares() const { return shared_ != nullptr && shared_->watch().ours(); }
  /// A link that may be sent a request now; null if calls have to wait.
  ClientLink* free_link();
  /// Sends waiting calls, as far as there are connections for them.
  void serve();
  /// Opens another connection for the waiting calls, if more connections are allowed.
  void grow();
  void close_spare_links();
  void send_held(ClientLink& link);
  /// Fails the calls that only rocket-rpc can accept: this peer is not rocket-rpc, or has not shown it.
  void refuse_large_metadata(const ClientLink& link);
  void refuse_large_metadata(ClientCall& call, const ClientLink& link);
  /// The call of a request on that link ends without its reply.
  void leave(ClientLink& link, const ClientCall& call);
  const char* what_it_waits_for(const ClientCall& call) const;
  void set_state(rpc::LinkState state);

  void start_waiting(ClientCall& call, rpc::CallRequest& request);
  void keep(ClientCall& call, rpc::CallRequest& request, rpc::CallLink& waiting);
  /// Encodes the request to the link; fails the call if it exceeds a limit.
  void send(ClientCall& call, ClientLink& link, std::string_view metadata, ByteSpan body, OwnedBytes* large_body);
  void send_kept(ClientCall& call, ClientLink& link);
  /// The link's call has been answered.
  void after_reply(ClientLink& link);
  void after_late_reply(ClientLink& link, std::string_view msg_id);
  void release(ClientCall& call);
  void end_with(ClientCall& call, std::int32_t wire_code, std::string_view text);
  void fail_all(rpc::CallLink& calls, std::int32_t wire_code, std::string_view text);
  void maybe_closed();

  static void on_call_deadline(Timer& timer);
  static void on_backoff_over(Timer& timer);

  struct BackoffTimer : Timer {
    explicit BackoffTimer(ClientSession& owner) : Timer(&ClientSession::on_backoff_over), session(owner) {}
    ClientSession& session;
  };

  const std::shared_ptr<rpc::ClientChannel> channel_;
  const std::shared_ptr<rpc::ClientEndpointInfo> endpoint_;
  rpc::Lane& lane_;
  const std::uint32_t index_;
  std::atomic<rpc::LinkState> state_{rpc::LinkState::kIdle};

  // io thread:
  std::vector<io::Address> addresses_;
  std::shared_ptr<rpc::InboxPort> port_;
  std::minstd_rand random_;
  ClientCallTable calls_;
  RequestFrame request_;
  rpc::CallLink waiting_;           // calls that have no connection yet
  rpc::CallLink waiting_for_ours_;  // calls that only a rocket-rpc peer can accept
  ListLink links_;                  // every ClientLink
  std::size_t link_count_ = 0;
  std::size_t connecting_ = 0;    // attempts of connect_another()
  ClientLink* shared_ = nullptr;  // the link in use, or the first one; null unless ready
  const std::size_t most_links_;  // while its peer is not rocket-rpc
  SteadyMs grow_again_at_ = 0;
  BackoffTimer backoff_timer_{*this};
  int attempts_ = 0;
  std::string last_error_;
  bool closed_reported_ = false;
};

}  // namespace rocket::tinypb
