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

/// The most bytes by which the windows of a connection's requests may have grown: part of its limit for messages.
inline constexpr std::size_t kMostRequestGrowth = 8 << 20;

/// Resources that the sessions of one io thread share.
struct SessionResources {
  SessionResources();
  /// The resources of the calling thread. They live as long as they are used there.
  static std::shared_ptr<SessionResources> of_thread();

  h2::Resources h2;
  ServerRequestPool requests;
  RequestFields fields;
  ReplyBlocks headers;
  ReplyBlocks trailers;
  const Zlib* zlib = zlib_of_process();
};

/// One server connection that speaks gRPC: it passes requests from HTTP/2 streams to ServerShard::admit(), and sends
/// replies. Belongs to its io thread.
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
  /// The request is complete. `block`, which may be null, is the memory of its message.
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
  /// Gives back the window that the request has withheld, or lets it wait for its turn.
  void let_in(ServerRequest& request);
  /// Keeps the window open for the next message, even if the handler has not reported all of the last ones as taken.
  void top_up(ServerRequest& request) {
    if (request.may_be_read()) h2_.top_up(*request.stream);
  }
  void give_window(ServerRequest& request);
  /// The message is complete, or not wanted any more: the request stops waiting for a window.
  void leave_shut(ServerRequest& request);
  void give_windows();
  void forget_message(ServerRequest& request);
  // server_streams.cc: requests and replies that stream
  void open(ServerRequest& request);
  void take_stream(ServerRequest& request, ByteSpan data, bool ended);
  void push_messages(ServerRequest& request, ByteSpan data);
  bool push_message(ServerRequest& request, MessageReader::Message& message);
  /// Continues with messages that waited for room; false: there is no room yet.
  bool push_held(ServerRequest& request);
  bool hold(ServerRequest& request, ByteSpan data);
  void end_stream(ServerRequest& request);
  void note_room(ServerRequest& request);
  void answer_natively(ServerRequest& request, ByteSpan message);
  void start_watch(ServerRequest& request, std::string_view service);
  void tell_watch(ServerRequest& watch, SteadyMs lag);
  void tell_watches();
  static void on_watch_look(Timer& timer);
  /// Ends a request with an error. If JavaScript has it, JavaScript is told to stop; otherwise the request is released.
  void refuse(ServerRequest& request, const rpc::Status& status, std::string_view text, std::string_view trailers = {});
  /// The same, and counted.
  void fail(ServerRequest& request, const rpc::Status& status, std::string_view text);
  void fail_for_size(ServerRequest& request);
  void fail_for_memory(ServerRequest& request);
  /// A compressed message that cannot be read. `accepted`: the encodings that could, in the NUL form.
  void fail_for_encoding(ServerRequest& request, std::string_view accepted = kAcceptEncoding);
  void fail_for_inflated(ServerRequest& request, Inflated inflated);
  void expire(ServerRequest& request);
  /// The same for a request that is not a gRPC call.
  void refuse_http(ServerRequest& request, std::string_view block, bool ended);
  void reply_http(ServerRequest& request);
  void refuse_stream(ServerRequest& request);
  void send_message(ServerRequest& request, ByteSpan message, bool compressed);
  bool send_headers(ServerRequest& request, std::string_view metadata);
  void send_trailers(ServerRequest& request, const Trailers& trailers);
  void send_reply(ServerRequest& request, std::string_view metadata, const rpc::Payload& message,
                  std::string_view trailers);
  /// Releases the stream and the request.
  void drop(ServerRequest& request);
  ServerRequest& request_of(const rpc::ServerCall& call);
  /// Drops all requests, because the connection has ended.
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
  /// Checks watched services: their status also changes without a call, when JavaScript is blocked.
  struct WatchTimer : Timer {
    explicit WatchTimer(ServerSession& owner) : Timer(&ServerSession::on_watch_look), session(owner) {}
    ServerSession& session;
  };

  const std::shared_ptr<SessionResources> shared_;
  const h2::Options options_;
  /// The fields of the last block: those of the thread, or this session's own.
  const RequestFields* fields_ = nullptr;
  std::unique_ptr<RequestFields> kept_fields_;
  RequestLink requests_;
  /// Whole requests that wait for room in the Inbox, in order.
  std::vector<ServerRequest*> waiting_;
  ShutLink shut_;
  std::size_t assembled_ = 0;  ///< the sum of ServerRequest::counted
  StallTimer stall_timer_{*this};
  std::uint64_t written_seen_ = 0;  ///< at the last check for stalls
  SteadyMs last_written_ = 0;       ///< when a check found that the peer had read something
  std::vector<ServerRequest*> watches_;
  WatchTimer watch_timer_{*this};
  std::string peer_name_;  ///< made for the first request; idle connections need none
  /// A peer usually calls the same method again: comparing is faster than hashing.
  std::string last_path_;
  const rpc::Method* last_method_ = nullptr;
  const char* error_ = nullptr;  ///< why HTTP/2 has failed
  bool started_ = false;
  h2::ServerSession h2_;
  Keepalive keepalive_;
};

}  // namespace rocket::grpc
