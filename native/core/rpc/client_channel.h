#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "io/connection.h"
#include "rpc/boundary.h"
#include "rpc/call_counts.h"
#include "rpc/client_call.h"
#include "rpc/inbox.h"
#include "tls/context.h"

namespace rocket::rpc {

struct ClientProtocol;

/// When a silent peer is considered dead.
struct Keepalive {
  /// Silence, while something is due, after which the peer is probed. 0: never.
  Millis time{5000};
  /// Time the peer has to answer.
  Millis timeout{3000};

  Millis limit() const { return time + timeout; }
  SteadyMs look_every() const { return std::clamp<SteadyMs>(std::min(time, timeout).count() / 4, 10, 500); }
};

struct ClientOptions {
  /// The protocol of its links; not null.
  const ClientProtocol* protocol = nullptr;
  /// The name of the server, for protocols that send it. Empty: the name of the endpoint.
  std::string authority;
  std::string user_agent = "rocket-rpc-node";
  /// Encodings of compressed replies that JavaScript can read, as `grpc-accept-encoding` lists them.
  std::string accept_encoding = "identity,deflate,gzip";
  std::size_t io_threads = 1;
  /// Connections to each endpoint, distributed over the io threads.
  std::size_t connections = 1;
  /// A new connection for every call, as C++ rocket does, instead of `connections` kept ones.
  bool short_connections = false;
  /// max_write_queue_bytes bounds the requests that wait to be written on one connection; past it a call fails.
  io::ConnectionLimits connection;
  Millis connect_timeout{5000};
  Millis first_backoff{100};
  Millis longest_backoff{10'000};
  /// Null: without TLS. ClientChannel::tls replaces it.
  std::shared_ptr<const tls::Context> tls;
  /// JavaScript decides whether a server is the right one (checkServerIdentity).
  bool judges_servers = false;
  Keepalive keepalive;
  /// The peer is probed even while nothing is due.
  bool keepalive_without_calls = false;
  /// The longest received message, for protocols whose messages are not frames.
  std::size_t max_message_bytes = 4 << 20;
  /// The longest metadata of a reply, for protocols that send it separately: names, values, and 32 bytes for each.
  std::size_t max_metadata_bytes = 16 << 10;
  /// Bytes of replies that a server can make one connection hold beyond a window for each call; past it windows stay
  /// closed.
  std::size_t max_buffered_reply_bytes = 64 << 20;
  /// Connections to each endpoint that is not rocket-rpc, with one call at a time on each; at least one per link.
  std::size_t serial_connections = 16;
  bool checksum = true;
  /// Assume that the peer is rocket-rpc: do not check it or wait for proof.
  bool peer_is_rocket_rpc = false;
};

struct ClientCounters {
  std::atomic<std::uint64_t> connects{0};
  std::atomic<std::uint64_t> connect_failures{0};
  std::atomic<std::uint64_t> late_replies{0};
  std::atomic<std::int64_t> waiting_bytes{0};
  std::atomic<std::uint64_t> frames_rejected{0};
};

/// State shared by all endpoints of one channel. Kept alive by each of their links.
struct ClientChannel {
  ClientChannel(std::shared_ptr<Inbox> to, const ClientOptions& with)
      : inbox(std::move(to)), options(with), calls(with.io_threads), tls(with.tls) {}

  const std::shared_ptr<Inbox> inbox;
  const ClientOptions options;
  CallCounts calls;
  ClientCounters counters;
  io::ConnectionGauges gauges;
  /// By method number. Appended to by the JavaScript thread; an element never moves, and io threads only
  /// read those whose address they were sent.
  std::deque<ClientMethod> methods;
  /// The TLS context for endpoints that are added. js thread only.
  std::shared_ptr<const tls::Context> tls;
};

/// One address (or several alternatives) that a channel sends to.
struct ClientEndpointInfo {
  std::int32_t number = 0;
  std::string name;
  /// With TLS: the name or IP address that its certificate must be for.
  std::string server_name;
  /// The last result of probing the peer on any connection. A hint: each connection probes by itself, because another
  /// server may have taken over the address.
  std::atomic<bool> seems_plain{false};
};

}  // namespace rocket::rpc
