#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "grpc/client_call.h"
#include "grpc/client_session.h"
#include "grpc/request_block.h"
#include "h2/options.h"
#include "rpc/connecting_link.h"

namespace rocket::grpc {

/// The calls of one endpoint on one io thread, and its connections: one for new calls, and those whose server has sent
/// GOAWAY until their calls have ended. Calls past the server's limit of streams wait in order.
class ClientLink final : public rpc::ConnectingLink {
 public:
  explicit ClientLink(rpc::LinkSetup setup);
  ~ClientLink() override;

  // rpc::ClientLink
  void send(rpc::CallRequest& request) override;
  void message(rpc::LinkedCall& call, rpc::Payload& payload) override;
  void half_close(rpc::LinkedCall& call) override;
  void taken(rpc::LinkedCall& call, std::size_t bytes) override;
  void cancel(rpc::LinkedCall& call) override;

  const RequestPrefix& prefix() const { return prefix_; }
  const rpc::ClientEndpointInfo& endpoint() const { return *endpoint_; }
  /// The time between PINGs; longer after a server has complained.
  SteadyMs keepalive_ms() const { return keepalive_ms_; }

  // Called by sessions.
  void on_ready(ClientSession& session);
  /// The number of calls that may be sent on it has changed.
  void on_room(ClientSession& session);
  enum class Leaving : std::uint8_t {
    kAsked,        ///< the server wants another connection, or stream ids are used up
    kTooManyPings  ///< the server complains of our PINGs for the first time
  };
  /// No more calls may be sent on the session.
  void on_leaving(ClientSession& session, Leaving why);
  void on_answered() { forget_failures(); }
  void on_session_closed(ClientSession& session, io::CloseReason reason);
  /// Ends a call that has no stream, and tells JavaScript why.
  void end_with(ClientCall& call, const rpc::Status& status, std::string_view text, bool written);
  /// Releases a call whose end JavaScript knows.
  void release(ClientCall& call);
  void count_rejected();
  /// Counts memory of incomplete replies: `bytes` more, or less if it is negative.
  void count_partial(std::int64_t bytes);

 private:
  // rpc::ConnectingLink
  void on_connected(io::ConnectResult result) override;
  void fail_waiting(std::string_view why) override;
  void cancel_waiting(std::string_view why) override;
  void drop_all(std::string_view why) override;
  bool has_sessions() const override { return !sessions_.empty(); }

  void wait(ClientCall& call, rpc::CallRequest& request);
  void serve();
  void start_kept(ClientCall& call);
  void fail(ClientCall& call, const rpc::Status& status, std::string_view text);
  /// Replaces the connection for new calls. `asked`: the server wants another one.
  void renew(bool proven, bool asked, std::string why);
  std::string why_late(const ClientCall& call) const;
  static void on_call_deadline(Timer& timer);

  const h2::Options h2_options_;
  const RequestPrefix prefix_;
  SteadyMs keepalive_ms_;

  // io thread:
  ClientCallPool calls_;
  rpc::CallLink waiting_;              // for a connection, or for a stream on it
  std::list<ClientSession> sessions_;  // a list: they do not move
  ClientSession* current_ = nullptr;   // where new calls go; null unless ready
};

/// gRPC for channels.
extern const rpc::ClientProtocol kClientProtocol;

}  // namespace rocket::grpc
