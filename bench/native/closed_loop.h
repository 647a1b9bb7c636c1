#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>

#include "grpc_wire.h"
#include "options.h"
#include "report.h"
#include "socket.h"
#include "wire.h"

namespace rocket::bench {

// Keeps every connection filled with calls from one thread: a reply, and nothing else, makes room for the next
// request, so the load follows the server and a stall of the server is not hidden by requests that pile up here.
class ClosedLoop {
 public:
  enum class Outcome { kMeasured, kNeverConnected };

  ClosedLoop(const Options& options, const sockaddr_in& server);
  ~ClosedLoop();
  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  // Connects, warms up, measures. Never longer than the connect timeout, the warmup and the window together.
  // Prints "measuring" and "done" to stdout as the window opens and closes.
  Outcome run();
  const Tally& tally() const { return tally_; }

 private:
  enum class State { kClosed, kConnecting, kOpen };

  struct Slot {
    bool in_flight = false;
    std::uint64_t sequence = 0;
    std::int64_t started_nanos = 0;
  };

  struct Connection {
    int fd = -1;
    State state = State::kClosed;
    bool attempted = false;
    std::uint32_t index = 0;
    std::int64_t connect_started_nanos = 0;
    std::vector<Slot> slots;
    std::unique_ptr<Wire> wire;
    // Requests from `sent` on wait for the socket.
    std::vector<std::uint8_t> out;
    std::size_t sent = 0;
    // The cut frame at the end of what was received last.
    std::vector<std::uint8_t> partial;
    // Calls given up on whose reply may still come.
    std::uint32_t late_replies = 0;
  };

  struct Waiting {
    std::uint32_t index;
    std::int64_t not_before_nanos;
  };

  bool connect_all();
  void run_until(std::int64_t end_nanos);
  void close_window();
  void turn();
  void sweep();

  void open_waiting();
  void open(Connection& connection);
  void connected(Connection& connection);
  void start_calls(Connection& connection);
  void attempt_ended(Connection& connection);
  void connect_failed(Connection& connection);
  void drop(Connection& connection, const char* reason);
  void close(Connection& connection, std::int64_t reopen_nanos);

  void on_event(Connection& connection, std::uint32_t events);
  void receive(Connection& connection, std::uint32_t events);
  void on_reply(Connection& connection, const Answer& answer);
  std::unique_ptr<Wire> new_wire() const;
  void expire(Connection& connection);
  void issue(Connection& connection, std::uint32_t slot, std::int64_t started_nanos);
  void flush(Connection& connection);
  void fail(std::string_view reason) { tally_.failures[std::string(reason)] += 1; }

  const Options options_;
  const sockaddr_in server_;
  const bool loopback_;
  const std::int64_t timeout_nanos_;
  const RequestTemplate tinypb_request_;
  const GrpcRequest grpc_request_;
  int epoll_;
  std::vector<Connection> connections_;
  // In the order of not_before_nanos, since every pause is equally long.
  std::deque<Waiting> waiting_;
  std::vector<std::uint8_t> scratch_;
  std::int64_t now_ = 0;
  std::int64_t next_sweep_nanos_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t opened_ = 0;
  ConnectPace pace_;
  std::uint32_t attempted_ = 0;
  bool ever_connected_ = false;
  // Off until all have connected: a server busy with calls may be slow to accept, and would be measured half full.
  bool calling_ = false;
  Tally tally_;
};

}  // namespace rocket::bench
