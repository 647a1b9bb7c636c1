#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/client_endpoint.h"
#include "rpc/outbox.h"
#include "rpc/server.h"
#include "support/monitor.h"
#include "support/raw_peer.h"

namespace rocket::test {

/// An event as JavaScript reads it from the slab; the views live until the batch has been handled.
struct EventView {
  rpc::EventKind kind;
  std::int32_t owner;
  std::uint32_t id_low;
  std::uint32_t id_high;
  std::int32_t code;  ///< of a kFailure or kAbort the wire code
  std::int32_t time_ms;
  std::int32_t flags;
  ByteSpan payload;
  std::string_view text;
  rpc::Status status;
};

/// How a client call ended.
struct Outcome {
  bool ended = false;
  bool ok = false;
  std::int32_t code = 0;
  std::int32_t flags = 0;
  std::string text;
  Bytes payload;
  // Of a call by gRPC:
  rpc::Status status;
  std::vector<std::string> headers;  ///< each time they came
  std::vector<Bytes> messages;
  std::int32_t message_flags = 0;  ///< of the last
  std::string trailers;
  std::size_t room = 0;  ///< for more requests
};

/// Stands in for a JavaScript thread with its environment: an Inbox that it swaps, an Outbox that it flushes once a
/// batch, and servers and channels that it tears down in the order native/addon does. Belongs to one thread.
class JsSide {
 public:
  explicit JsSide(const rpc::Inbox::Limits& limits = {});
  ~JsSide() { shut_down(); }

  rpc::Engine& engine() { return *engine_; }
  rpc::Inbox& inbox() { return *inbox_; }
  rpc::Outbox& outbox() { return outbox_; }
  std::vector<io::IoThread*> io_threads(std::size_t count);

  // Servers. An event of a server that no handler is set for is echoed.
  std::shared_ptr<rpc::Server> add_server(const rpc::ServerOptions& options = {},
                                          const std::vector<std::string>& methods = {"Echo.echo"},
                                          rpc::MethodKind kind = rpc::MethodKind::kUnary);
  /// Listens on `address`; returns the one it got.
  std::string listen(rpc::Server& server, const std::string& address = "127.0.0.1:0");
  std::function<void(const EventView&)> on_request;
  std::function<void(const EventView&)> on_abort;
  /// Messages of requests that stream, their ends, and room for replies.
  std::function<void(const EventView&)> on_stream;
  void reply(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload, std::int32_t code = 0,
             std::string_view text = {});
  /// With metadata before and behind the message.
  void reply_with(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload, std::string_view metadata,
                  std::string_view trailers);
  void fail_with(std::uint32_t id_low, std::uint32_t id_high, const rpc::Status& status, std::string_view text,
                 std::string_view trailers = {});
  void end(std::uint32_t id_low, std::uint32_t id_high);
  void message(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload);
  void headers(std::uint32_t id_low, std::uint32_t id_high, std::string_view metadata);
  void taken(std::uint32_t id_low, std::uint32_t id_high, std::size_t bytes);
  /// `code`: as of reply().
  void finish(std::uint32_t id_low, std::uint32_t id_high, std::int32_t code = 0, std::string_view text = {});
  /// Handles calls of a server of another JsSide as well.
  std::int32_t number_of(const rpc::Server& server) const;
  void adopt(const std::shared_ptr<rpc::Server>& server) { servers_.push_back({server, join(*server)}); }

  /// A handshake waits for answer_server_check().
  std::function<void(const EventView&)> on_server_check;
  void answer_server_check(const EventView& event, const std::string& refusal) {
    endpoints_.at(event.owner)->answer_server_check(event.id_low, static_cast<std::uint32_t>(event.code), refusal);
  }

  // Channels, each with one method, Echo.echo, unless more are added to it.
  std::shared_ptr<rpc::ClientChannel> add_channel(const rpc::ClientOptions& options = {});
  std::int32_t add_endpoint(const std::shared_ptr<rpc::ClientChannel>& channel, const std::string& address);
  void close_endpoint(std::int32_t number) { endpoints_.at(number)->close(); }
  struct Call {
    std::string_view body;
    std::int32_t timeout_ms = 20'000;
    std::int32_t method = 0;
    std::string_view metadata;
    std::string_view msg_id;
    bool open = false;
  };
  /// Returns the call's index in outcomes().
  std::size_t call(std::int32_t endpoint, const Call& call);
  void cancel(std::size_t call);
  // Of an open one:
  void request_message(std::size_t call, ByteSpan payload);
  void request_end(std::size_t call);
  void replies_taken(std::size_t call, std::size_t bytes);
  const Outcome& outcome(std::size_t call) const { return outcomes_[call]; }
  std::size_t ended_calls() const { return ended_calls_; }

  // What has come in.
  std::size_t requests = 0;
  std::size_t aborts = 0;
  std::map<std::int32_t, int> servers_closed;
  std::map<std::int32_t, int> endpoints_closed;
  std::vector<std::string> log_lines;

  /// Hands over the commands written since the last flush.
  void flush();
  /// Flushes, then handles batches until `holds`; false when that takes longer than kPatience.
  bool pump_until(const std::function<bool()>& holds);
  /// Waits for io threads to have announced something, without taking it.
  bool wait_announced();

  // The steps of shut_down(), for tests that change their order.
  void close_inbox();
  void abandon_servers();
  void close_endpoints();
  void release_engine();
  void shut_down();

 private:
  struct Wake final : rpc::WakeUp {
    void wake() override {
      pending.change([](bool& is) { is = true; });
    }
    Monitor<bool> pending;
  };
  std::shared_ptr<const rpc::Consumer> join(rpc::Server& server);
  void handle_batch();
  void handle(const EventView& event);
  Outcome& outcome_of(const EventView& event);
  rpc::Command& add_call_command(rpc::CommandKind kind, std::size_t call, ByteSpan payload);
  rpc::Command& add_command(rpc::CommandKind kind, ByteSpan payload, std::string_view text, std::string_view msg_id);

  std::array<std::vector<std::uint8_t>, 2> slab_bytes_;
  std::array<std::vector<std::int32_t>, 2> slab_words_;
  Wake wake_;
  std::shared_ptr<rpc::Engine> engine_ = rpc::Engine::acquire();
  std::shared_ptr<rpc::Inbox> inbox_;
  rpc::Outbox outbox_;
  std::int32_t next_number_ = 1;
  struct Served {
    std::shared_ptr<rpc::Server> server;
    std::shared_ptr<const rpc::Consumer> consumer;
  };
  std::vector<Served> servers_;
  std::map<std::int32_t, std::unique_ptr<rpc::ClientEndpoint>> endpoints_;
  std::vector<Outcome> outcomes_;
  std::size_t ended_calls_ = 0;
  std::vector<rpc::Command> commands_;
  std::vector<std::uint8_t> command_bytes_;
  std::vector<OwnedBytes> command_large_;
};

}  // namespace rocket::test
