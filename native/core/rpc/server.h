#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_check.h"
#include "io/acceptor.h"
#include "io/connection.h"
#include "rpc/call_counts.h"
#include "rpc/consumer.h"
#include "rpc/engine.h"
#include "rpc/foreign_protocol.h"
#include "rpc/method_table.h"
#include "rpc/server_shard.h"
#include "rpc/server_tls.h"
#include "rpc/service_health.h"

namespace rocket::rpc {

struct Protocol;

struct ServerOptions {
  /// At least one; their objects outlive the server.
  std::vector<const Protocol*> protocols;
  std::size_t io_threads = 1;
  io::ConnectionLimits connection;
  ServerTls tls;
  /// The longest message of a call, for protocols whose messages are not frames; a longer one fails its call.
  std::size_t max_message_bytes = 4 << 20;
  /// The longest metadata of a request, for protocols that send it separately: names, values, and 32 bytes for each.
  std::size_t max_metadata_bytes = 8 << 10;
  /// Bytes of requests that a client can make one connection hold beyond a window for each stream, or four messages if
  /// that is more; past it windows stay closed. At least 16 MiB. For protocols with windows.
  std::size_t max_buffered_request_bytes = 64 << 20;
  /// Requests of one connection that JavaScript may handle at a time; past it the connection is not read.
  std::size_t max_calls_per_connection = 1024;
  /// Requests of all connections; past it a request is answered RESOURCE_EXHAUSTED.
  std::size_t max_calls = 65'536;
  /// Accepted connections; past it a new one is closed at once.
  std::size_t max_connections = 65'536;
  /// For a request without a deadline.
  Millis default_timeout{30'000};
  /// The longest deadline a request can have; a longer one is reduced to it.
  Millis max_timeout{24 * 3600 * 1000};
  /// The age at which a connection is ended without losing a call; it varies by up to a tenth. 0: never.
  Millis max_connection_age{0};
  /// How long the calls of such a connection may take then. 0: no limit.
  Millis max_connection_age_grace{0};
  /// How long a connection may have no call before it is ended in the same way. 0: no limit.
  Millis max_connection_idle{0};
  /// Silence after which a peer is probed, if its protocol has such a message. 0: never.
  Millis keepalive_time{7'200'000};
  /// Time for its answer, and for the reaction of a peer that is told to leave.
  Millis keepalive_timeout{20'000};
  /// The least time between probes of a peer: see h2::Options::min_ping_interval. 0: no limit.
  Millis min_ping_interval{300'000};
  /// The same interval applies while the peer has no call; otherwise two hours.
  bool permits_idle_pings = false;
  /// Streams of one connection, if its protocol has streams; never over max_calls_per_connection.
  std::size_t max_concurrent_streams = 1 << 20;
  /// How long JavaScript may leave its events unread before the health service reports it as blocked. 0: no health
  /// service.
  Millis health_blocked_after{1000};
  /// Takes the server's lines from any io thread, regardless of JavaScript. Without it they are passed to JavaScript as
  /// events.
  std::function<void(std::string_view line)> log;
};

/// Counters of one server; any thread may read them.
struct ServerCounters {
  std::atomic<std::uint64_t> connections_total{0};
  std::atomic<std::uint64_t> calls_expired{0};
  std::atomic<std::uint64_t> calls_refused{0};
  std::atomic<std::uint64_t> log_lines_dropped{0};
  std::atomic<std::int64_t> handshakes{0};
  std::atomic<std::uint64_t> handshakes_refused{0};
  std::array<std::atomic<std::uint64_t>, kForeignCount> foreign_connections{};
  std::array<std::atomic<std::uint64_t>, io::kCloseReasonCount> connections_closed{};
};

/// One server: listeners on the main thread, one shard on each of its io threads.
///
/// Its calls are handled by consumers, one for each JavaScript environment that has it; with the last of them it ends.
/// It is alive while JavaScript, a connection or a listener holds it. close() or remove_consumer() must be called
/// before the last reference of JavaScript goes.
class Server final : public std::enable_shared_from_this<Server> {
 public:
  Server(const std::shared_ptr<Engine>& engine, const ServerOptions& options, MethodTable methods);
  ~Server();

  // js thread: that of the consumer
  /// Called before listen(). The consumer gets kServerClosed when everything of the server is released.
  void add_consumer(const std::shared_ptr<const Consumer>& consumer);
  /// For a JavaScript environment that goes away: nothing is delivered to it any more. With the last consumer
  /// everything is dropped at once.
  void remove_consumer(const std::shared_ptr<const Consumer>& consumer);

  // js thread: the same one for all of these, and for remove_consumer() of the last consumer
  void listen(io::Listener listener);
  /// Stops accepting, answers new requests with UNAVAILABLE, waits up to `drain` for running calls, then closes. Sends
  /// kServerClosed when everything is released; that takes at most `drain` plus a second for slow readers.
  void close(Millis drain);
  std::uint64_t accept_backoffs() const;
  /// Sets the context of connections accepted from now on. Only for a server with TLS.
  void set_tls(const std::shared_ptr<const tls::Context>& context);

  // io thread:
  /// Once for each shard: it drains and its last call has ended.
  void on_shard_drained();
  /// A connection that deliver() admitted is closed, or was never created.
  void on_connection_gone() { connections_admitted_.fetch_sub(1, std::memory_order_relaxed); }
  /// True for the last shard.
  bool on_shard_closed();

  // any thread:
  const ServerOptions& options() const { return options_; }
  const MethodTable& methods() const { return methods_; }
  /// `reason` is an index into its Protocol::rejections.
  void count_rejected(const Protocol& protocol, std::size_t reason);
  std::uint64_t rejected(const Protocol& protocol, std::size_t reason) const;
  /// Makes the io threads run their lazily posted tasks, so that the gauge of queued tasks returns to zero.
  void settle();

  ServiceHealth health;  ///< set by JavaScript; while the server drains, its health service reports that instead
  CallCounts calls;
  ServerCounters counters;
  io::ConnectionGauges gauges;

 private:
  void deliver(std::vector<io::Accepted> batch);
  void on_starved(int error);
  void abandon();
  std::atomic<std::uint64_t>& rejections(const Protocol& protocol, std::size_t reason) const;
  /// `then` runs on the main io thread when the listeners are closed.
  void stop_accepting(std::function<void()> then);
  void finish();
  void cancel_drain_timer();
  void each_shard(void (ServerShard::*action)());

  struct DrainTimer;
  static void on_drain_over(Timer& timer);

  const ServerOptions options_;
  const MethodTable methods_;
  /// For each protocol, in the order of the options, one for each of its reasons.
  std::vector<std::unique_ptr<std::atomic<std::uint64_t>[]>> rejections_;
  Engine& engine_;  // held by the JavaScript side until this server is closed
  std::vector<std::unique_ptr<ServerShard>> shards_;
  [[no_unique_address]] JsThread js_thread_;
  std::vector<std::shared_ptr<io::Acceptor>> acceptors_;  // js thread
  std::size_t next_shard_ = 0;                            // main io thread
  std::unique_ptr<DrainTimer> drain_timer_;               // main io thread
  std::atomic<std::size_t> consumers_{0};
  /// Connections of shards, and those being passed to one.
  std::atomic<std::int64_t> connections_admitted_{0};
  std::atomic<std::size_t> shards_drained_{0};
  std::atomic<std::size_t> shards_closed_{0};
  std::atomic<bool> finishing_{false};
};

}  // namespace rocket::rpc
