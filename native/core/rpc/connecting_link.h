#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "io/address.h"
#include "io/connect.h"
#include "rpc/client_link.h"
#include "rpc/status.h"
#include "tls/server_judge.h"
#include "tls/stream.h"

namespace rocket::rpc {

/// The part that the links of all protocols share: attempts to connect and the pauses between them, the state that
/// JavaScript is told, the first and last steps of a call, and the memory of waiting calls. Owners: the endpoint on the
/// JavaScript thread, the sessions of the protocol, and coroutines.
class ConnectingLink : public ClientLink,
                       private tls::ServerJudge,
                       public std::enable_shared_from_this<ConnectingLink> {
 public:
  explicit ConnectingLink(LinkSetup setup);
  ~ConnectingLink() override;

  // any thread:
  const ClientOptions& options() const { return channel_->options; }

  // ClientLink
  void attach() override;
  void connect_now() override;
  void set_addresses(std::vector<io::Address> addresses) override { addresses_ = std::move(addresses); }
  void set_tls(std::shared_ptr<const tls::Context> context) override { tls_ = std::move(context); }
  void answer_server_check(std::uint32_t question, std::string refusal) override;
  void release_waiting() override;
  void close() override;

  InboxPort& port() { return *port_; }

  // For spawn().
  const char* task_name() const { return "client link"; }
  void fail() { on_connect_failed("internal error while connecting"); }

 protected:
  // Implemented by a protocol:
  /// The attempt of begin_connect() has succeeded; the state is still kConnecting.
  virtual void on_connected(io::ConnectResult result) = 0;
  /// There is no connection, and no attempt for a while: waiting calls fail with this error.
  virtual void fail_waiting(std::string_view why) = 0;
  /// Calls that wait end with CANCELLED.
  virtual void cancel_waiting(std::string_view why) = 0;
  /// The link closes: all calls end with CANCELLED, all connections are closed.
  virtual void drop_all(std::string_view why) = 0;
  virtual bool has_sessions() const = 0;

  // Connections.
  io::Task<io::ConnectResult> connect();
  void begin_connect();
  /// Makes a connection of the result of connect(), and counts it.
  std::shared_ptr<io::Connection> make_connection(io::ConnectResult result);
  void on_connect_failed(std::string error, bool unanswered = false);
  void count_connect_failure();
  /// There is no connection, and no attempt for a while: calls without `waitForReady` fail.
  void fall_back(std::string error, SteadyMs most);
  /// The peer has asked for another connection before it answered a call on the last one. Calls wait for the next
  /// attempt, which is made after a pause unless this is the first time; a peer that does nothing else has failed.
  void replace_unproven(std::string error);
  /// The peer has answered a call, so the next pause is short again.
  void forget_failures() { attempts_ = replaced_ = 0; }
  void set_state(LinkState state);
  /// Once closed: tells JavaScript as soon as the last session is gone.
  void maybe_closed();

  // Calls.
  /// The first step of a call that has a slot: it counts, can be cancelled, and has a deadline.
  void begin(LinkedCall& call, const CallRequest& request);
  /// Ends a call that gets no slot.
  void refuse(const CallRequest& request, const Status& status, std::string_view why);
  /// Keeps a waiting call. False: the bytes of waiting calls are at their limit.
  bool keep(LinkedCall& call, CallRequest& request, CallLink& waiting);
  /// Takes the body of a call that waited; it is not counted any more.
  OwnedBytes take_kept(LinkedCall& call);
  /// Counts waiting bytes that are not in LinkedCall::body.
  void count_waiting(std::int64_t bytes) {
    channel_->counters.waiting_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  bool is_waiting_full() const {
    return channel_->counters.waiting_bytes.load(std::memory_order_relaxed) >
           static_cast<std::int64_t>(options().connection.max_write_queue_bytes);
  }
  void tell_failure(const LinkedCall& call, const Status& status, std::string_view text, bool written);
  /// The last step: only the slot still refers to the call.
  void forget(LinkedCall& call);

  const std::shared_ptr<ClientChannel> channel_;
  const std::shared_ptr<ClientEndpointInfo> endpoint_;
  const std::uint32_t index_;

  // io thread:
  std::shared_ptr<InboxPort> port_;
  std::minstd_rand random_;
  std::string last_error_;

 private:
  void judge(const std::shared_ptr<tls::ServerQuestion>& question) override;
  static io::Task<void> connect_once(std::shared_ptr<ConnectingLink> self);
  /// Pauses for twice as long as the last time, but not for longer than `most`.
  void back_off(SteadyMs most);
  static void on_backoff_over(Timer& timer);

  struct BackoffTimer : Timer {
    explicit BackoffTimer(ConnectingLink& owner) : Timer(&ConnectingLink::on_backoff_over), link(owner) {}
    ConnectingLink& link;
  };

  std::vector<io::Address> addresses_;
  std::shared_ptr<const tls::Context> tls_;               ///< null without TLS
  const std::shared_ptr<tls::SessionSlot> tls_sessions_;  ///< null without TLS
  /// Open questions to JavaScript about servers, by number; null if their handshake has ended.
  std::map<std::uint32_t, std::weak_ptr<tls::ServerQuestion>> questions_;
  std::uint32_t last_question_ = 0;
  BackoffTimer backoff_timer_{*this};
  int attempts_ = 0;
  int replaced_ = 0;      ///< connections in a row replaced by replace_unproven()
  bool pausing_ = false;  ///< kConnecting, but the attempt has not begun
  bool closed_reported_ = false;
};

}  // namespace rocket::rpc
