#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "grpc/client_call.h"
#include "grpc/request_block.h"
#include "grpc/response_fields.h"
#include "h2/client_session.h"
#include "io/connection.h"
#include "rpc/call_link.h"
#include "rpc/foreign_protocol.h"
#include "rpc/inbox_port.h"
#include "rpc/payload.h"
#include "rpc/status.h"

namespace rocket::grpc {

class ClientLink;

/// Resources that the client sessions of one io thread share.
struct ClientResources {
  /// The resources of the calling thread. They live as long as they are used there.
  static std::shared_ptr<ClientResources> of_thread();

  h2::Resources h2;
  ResponseFields fields;
  RequestBlocks requests;
};

/// One connection of a ClientLink, on which each call is an HTTP/2 stream. Destroyed by its link after the connection
/// has closed. Belongs to its io thread.
class ClientSession final : public io::ConnectionHandler,
                            public rpc::RoomWaiter,
                            private h2::ClientHandler,
                            private h2::Sink {
 public:
  ClientSession(std::shared_ptr<ClientLink> link, std::shared_ptr<io::Connection> connection,
                const h2::Options& options);
  ~ClientSession();

  /// Sends the preface; ClientLink::on_ready() follows when the server has answered with its SETTINGS.
  void start();
  io::Connection& connection() { return *connection_; }
  /// The server has sent its SETTINGS, so it speaks HTTP/2.
  bool ready() const { return ready_; }
  /// The number of calls that may be sent now.
  /// None from when its connection closes, though the link hears of that only at the end of the turn.
  std::uint32_t room() const { return connection_->open() ? h2_.room() : 0; }
  bool exhausted() const { return h2_.exhausted(); }
  /// The server has answered a call, or has been connected for a while, so it is worth reconnecting at once.
  bool proven() const;
  /// Sends GOAWAY and closes the connection.
  void close();
  /// Why it was closed, for errors.
  std::string why_closed(io::CloseReason reason) const;

  // Calls.
  /// Starts a call. There must be room().
  void start(ClientCall& call, std::string_view metadata, rpc::Payload& payload);
  void message(ClientCall& call, rpc::Payload& payload);
  void half_close(ClientCall& call);
  void taken(ClientCall& call, std::size_t bytes);
  /// JavaScript has dropped the call: resets its stream.
  void drop(ClientCall& call);
  /// Ends a call: tells JavaScript and releases the stream.
  void end(ClientCall& call, const rpc::Status& status, std::string_view text, std::string_view trailers = {});
  /// Whether the server may have begun to handle it.
  bool may_have_begun(const ClientCall& call) const { return written_total() >= call.headers_end; }

  std::list<ClientSession>::iterator at;  ///< where its link keeps it
  rpc::CallLink calls;                    ///< those that have a stream here, oldest first

  // ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  void on_writable() override;
  bool busy() const override { return h2_.stream_count() > 0; }
  bool serves() const override { return false; }
  bool owed() const override { return h2_.stream_count() > 0; }
  void on_closed(io::CloseReason reason) override;
  // RoomWaiter
  void on_inbox_room() override;

 private:
  // h2::ClientHandler
  void on_block() override { shared_->fields.clear(); }
  void on_field(const h2::Field& field) override { shared_->fields.take(field); }
  void on_response(h2::Stream& stream, int status, h2::Opening opening) override;
  void on_data(h2::Stream& stream, ByteSpan data, bool ended) override;
  void on_trailers(h2::Stream& stream, bool too_large) override;
  void on_reset(h2::Stream& stream, h2::ErrorCode code, const char* why) override;
  void on_stream_writable(h2::Stream& stream) override;
  void on_settings() override;
  void on_goaway(const h2::Goaway& goaway) override;
  void on_ping_ack(ByteSpan data) override;
  void on_drained() override;
  void on_connection_error(h2::ErrorCode code, const char* why) override;
  // h2::Sink
  std::uint8_t* append(std::size_t size) override { return connection_->append(size); }
  bool backlogged() const override { return connection_->backlogged(); }
  std::uint64_t appended_total() const override { return connection_->appended_total(); }
  std::uint64_t written_total() const override { return connection_->written_total(); }

  // client_requests.cc
  bool send(ClientCall& call, ByteSpan head, ByteSpan body, bool end);
  bool has_queue_room(std::size_t bytes);
  void note_room(ClientCall& call);
  // client_replies.cc
  // Both return false once the call has ended: its stream may be gone.
  bool take_messages(ClientCall& call, ByteSpan data);
  bool take_message(ClientCall& call, MessageReader::Message& message);
  bool keep_reply(ClientCall& call, MessageReader::Message& message);
  void tell(const rpc::Event& event, OwnedBytes* block = nullptr);
  void tell_headers(ClientCall& call);
  void tell_reply(ClientCall& call);
  /// The response has ended; `fields` has the trailers.
  void finish(ClientCall& call);
  void fail_for_metadata(ClientCall& call);
  void fail_http(ClientCall& call, int status);
  void release(ClientCall& call);

  // client_assembly.cc
  std::size_t most_early() const;
  void count_partial(ClientCall& call);
  void let_in(ClientCall& call);
  /// Keeps the window open for the next message, even if the caller has not reported all of the last ones as taken.
  void top_up(ClientCall& call) {
    if (call.may_be_read()) h2_.top_up(*call.stream);
  }
  void give_window(ClientCall& call);
  void take_early(ClientCall& call, std::size_t bytes);
  void note_whole(ClientCall& call);
  void leave_shut(ClientCall& call);
  void forget_replies(ClientCall& call);
  void give_windows();

  // client_keepalive.cc
  void watch_peer();
  void look_at_peer();
  static void on_look(Timer& timer);

  struct LookTimer : Timer {
    explicit LookTimer(ClientSession& owner) : Timer(&ClientSession::on_look), session(owner) {}
    ClientSession& session;
  };

  const std::shared_ptr<ClientLink> link_;
  const std::shared_ptr<ClientResources> shared_;
  const std::shared_ptr<io::Connection> connection_;
  LookTimer look_timer_{*this};
  SteadyMs asked_at_ = 0;  ///< when the unanswered PING was sent; 0: there is none
  std::string goaway_;     ///< text of the server's GOAWAY
  const char* error_ = nullptr;
  rpc::Foreign foreign_ = rpc::Foreign::kNone;
  bool begins_as_tinypb_ = false;
  bool heard_ = false;  ///< a byte has arrived
  bool ready_ = false;
  bool got_reply_ = false;
  bool complained_ = false;  ///< the server has complained of too many PINGs
  SteadyMs ready_at_ = 0;
  std::size_t early_ = 0;  ///< window given back before messages were taken, of all calls
  ShutReplyLink shut_;
  h2::ClientSession h2_;
};

}  // namespace rocket::grpc
