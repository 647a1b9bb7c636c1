#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/inflate.h"
#include "grpc/keepalive.h"
#include "grpc/reply_block.h"
#include "grpc/request_fields.h"
#include "grpc/server_request.h"
#include "h2/server_session.h"
#include "rpc/call_session.h"
#include "rpc/method_table.h"
#include "rpc/request_head.h"

namespace rocket::grpc {

/// By how much the windows of a connection's requests may have grown: part of what it may hold of messages.
inline constexpr std::size_t kMostRequestGrowth = 8 << 20;

/// What the sessions of one io thread share.
struct SessionResources {
  SessionResources();
  /// Those of the thread that asks; they live as long as somebody there has them.
  static std::shared_ptr<SessionResources> of_thread();

  h2::Resources h2;
  ServerRequestPool requests;
  RequestFields fields;
  ReplyBlocks headers;
  ReplyBlocks trailers;
  const Zlib* zlib = zlib_of_process();
};

/// One server connection that speaks gRPC: HTTP/2 streams in, requests to ServerShard::admit(), replies out. Belongs to
/// its io thread.
class ServerSession final : public rpc::CallSession, private h2::ServerHandler, private h2::Sink {
 public:
  ServerSession(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection);
  ~ServerSession() override;

  // CallSession
  void headers(rpc::ServerCall& call, std::string_view metadata) override;
  void taken(rpc::ServerCall& call, std::size_t bytes) override;
  void message(rpc::ServerCall& call, rpc::Payload& payload) override;
  void finish(rpc::ServerCall& call, const rpc::Status& status, std::string_view text,
              std::string_view trailers) override;
  void reply(rpc::ServerCall& call, rpc::Reply& reply) override;
  void release(rpc::ServerCall& call) override;
  void begin_draining() override;
  bool retire(io::CloseReason why) override;
  void finish_retiring() override;
  void close() override;

  // io::ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  void on_writable() override;
  bool busy() const override { return h2_.stream_count() > 0; }
  bool on_idle() override { return lifetime_.retire(io::CloseReason::kIdleTimeout); }
  bool serves() const override { return true; }
  void on_peer_ended() override;
  void on_closed(io::CloseReason reason) override;
  // rpc::RoomWaiter
  void on_inbox_room() override;

  static void on_deadline(Timer& timer);

 private:
  // h2::ServerHandler
  void on_block() override {
    shared_->fields.clear();
    fields_ = &shared_->fields;
  }
  void on_field(const h2::Field& field) override { shared_->fields.take(field); }
  bool keep_block() override;
  void on_kept_block() override { fields_ = kept_fields_.get(); }
  std::uint32_t written_unnoted() const override;
  void on_request(h2::Stream& stream, h2::Opening opening) override;
  void on_data(h2::Stream& stream, ByteSpan data, bool ended) override;
  void on_trailers(h2::Stream& stream, bool too_large) override;
  void on_reset(h2::Stream& stream, h2::ErrorCode code, const char* why) override;
  void on_stream_writable(h2::Stream& stream) override;
  void on_goaway(const h2::Goaway&) override {}
  void on_ping_ack(ByteSpan) override { keepalive_.on_ping_ack(); }
  void on_limits_lowered() override { connection_->bar_direct(); }
  void on_drained() override;
  void on_connection_error(h2::ErrorCode code, const char* why) override;
  // h2::Sink
  std::uint8_t* append(std::size_t size) override { return connection_->append(size); }
  bool backlogged() const override { return connection_->backlogged(); }
  std::uint64_t appended_total() const override { return connection_->appended_total(); }
  std::uint64_t written_total() const override { return connection_->written_total(); }

  rpc::MethodTable::Lookup find(const std::string& path);
  void take_messages(ServerRequest& request, ByteSpan data, bool ended);
  /// False: there is no memory.
  bool keep_message(ServerRequest& request, MessageReader::Message& message);
  void end_request(ServerRequest& request);
  /// The request is whole: `block`, which may be null, is the memory of its message.
  void deliver(ServerRequest& request, ByteSpan message, OwnedBytes* block);
  void wait_for_room(ServerRequest& request);
  rpc::RequestHead head_of(const ServerRequest& request);
  // direct_replies.cc
  void allow_direct(ServerRequest& request, rpc::RequestHead& head);
  void unreserve(ServerRequest& request);
  void note_direct(ServerRequest& request, const rpc::ServerCall& call);
  // server_assembly.cc: memory of messages that are not whole
  std::size_t most_assembled() const;
  /// The memory of the request may have changed.
  void count_assembled(ServerRequest& request);
  /// Gives back what the request has withheld, or lets it wait for its turn.
  void let_in(ServerRequest& request);
  /// Keeps the window open for the next message, whatever of the last ones the handler has not told as taken.
  void top_up(ServerRequest& request) {
    if (request.may_be_read()) h2_.top_up(*request.stream);
  }
  void give_window(ServerRequest& request);
  /// Its message is whole, or nobody wants it: it waits for no window.
  void leave_shut(ServerRequest& request);
  void give_windows();
  void forget_message(ServerRequest& request);
  // server_streams.cc: requests and replies that stream
  void open(ServerRequest& request);
  void take_stream(ServerRequest& request, ByteSpan data, bool ended);
  void push_messages(ServerRequest& request, ByteSpan data);
  bool push_message(ServerRequest& request, MessageReader::Message& message);
  /// Goes on with what waited for room; false: there is none yet.
  bool push_held(ServerRequest& request);
  bool hold(ServerRequest& request, ByteSpan data);
  void end_stream(ServerRequest& request);
  void note_room(ServerRequest& request);
  void answer_natively(ServerRequest& request, ByteSpan message);
  void start_watch(ServerRequest& request, std::string_view service);
  void tell_watch(ServerRequest& watch, SteadyMs lag);
  void tell_watches();
  static void on_watch_look(Timer& timer);
  /// Ends a request with an error. Of one that is in nobody else's hands nothing is left then; JavaScript is told to
  /// stop.
  void refuse(ServerRequest& request, const rpc::Status& status, std::string_view text, std::string_view trailers = {});
  /// The same, and counted.
  void fail(ServerRequest& request, const rpc::Status& status, std::string_view text);
  void fail_for_size(ServerRequest& request);
  void fail_for_memory(ServerRequest& request);
  /// A compressed message that cannot be read. `accepted`: the encodings that could, in the NUL form.
  void fail_for_encoding(ServerRequest& request, std::string_view accepted = kAcceptEncoding);
  void fail_for_inflated(ServerRequest& request, Inflated inflated);
  void expire(ServerRequest& request);
  /// The same for what is no call of gRPC.
  void refuse_http(ServerRequest& request, std::string_view block, bool ended);
  void reply_http(ServerRequest& request);
  void refuse_stream(ServerRequest& request);
  void send_message(ServerRequest& request, ByteSpan message, bool compressed);
  bool send_headers(ServerRequest& request, std::string_view metadata);
  void send_trailers(ServerRequest& request, const Trailers& trailers);
  void send_reply(ServerRequest& request, std::string_view metadata, const rpc::Payload& message,
                  std::string_view trailers);
  /// Lets go of the stream and forgets the request.
  void drop(ServerRequest& request);
  ServerRequest& request_of(const rpc::ServerCall& call);
  /// Nobody is there any more for whom anything could be done.
  void drop_all();
  std::size_t header_list_room() const;
  std::string too_much(std::size_t bytes);
  void watch_stalls();
  void give_up_stalled();
  static void on_stall_look(Timer& timer);

  struct StallTimer : Timer {
    explicit StallTimer(ServerSession& owner) : Timer(&ServerSession::on_stall_look), session(owner) {}
    ServerSession& session;
  };
  /// How a service stands also changes without anybody saying so: JavaScript may be blocked.
  struct WatchTimer : Timer {
    explicit WatchTimer(ServerSession& owner) : Timer(&ServerSession::on_watch_look), session(owner) {}
    ServerSession& session;
  };

  const std::shared_ptr<SessionResources> shared_;
  const h2::Options options_;
  /// Of the block that was read last: of the thread, or this session's own.
  const RequestFields* fields_ = nullptr;
  std::unique_ptr<RequestFields> kept_fields_;
  RequestLink requests_;
  /// Whole requests that wait for room in the Inbox, in order.
  std::vector<ServerRequest*> waiting_;
  ShutLink shut_;
  std::size_t assembled_ = 0;  ///< the sum of ServerRequest::counted
  StallTimer stall_timer_{*this};
  std::uint64_t written_seen_ = 0;  ///< by the last look for stalls
  SteadyMs last_written_ = 0;       ///< when a look found that the peer had read something
  std::vector<ServerRequest*> watches_;
  WatchTimer watch_timer_{*this};
  std::string peer_name_;  ///< made for the first request: an idle connection does without
  /// A peer mostly calls one method again and again: comparing is quicker than hashing.
  std::string last_path_;
  const rpc::Method* last_method_ = nullptr;
  const char* error_ = nullptr;  ///< why HTTP/2 has failed
  bool started_ = false;
  h2::ServerSession h2_;
  Keepalive keepalive_;
};

}  // namespace rocket::grpc
