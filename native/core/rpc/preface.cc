#include "rpc/preface.h"

#include <cstring>
#include <utility>

#include "base/thread_check.h"
#include "rpc/protocol.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::rpc {

namespace {

/// `TinyPB`, or `TinyPB and gRPC`.
std::string titles(const Server& server) {
  std::string all;
  for (const Protocol* protocol : server.options().protocols) {
    if (!all.empty()) all += " and ";
    all += protocol->title;
  }
  return all;
}

/// Tells an HTTP/1 client, such as a browser or curl, what the port speaks.
std::string http_response(const Server& server) {
  const std::string body = "This port speaks " + titles(server) + " (rocket-rpc) only\n";
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace

void turn_away(Server& server, io::Connection& connection, Foreign foreign) {
  server.counters.foreign_connections[static_cast<std::size_t>(foreign)].fetch_add(1, std::memory_order_relaxed);
  if (foreign != Foreign::kHttp1) return;
  const std::string response = http_response(server);
  std::memcpy(connection.append(response.size()), response.data(), response.size());
  connection.write_now();
}

std::string turned_away_because(const Server& server, Foreign foreign) {
  if (foreign == Foreign::kNone) return {};
  return " (the client speaks " + std::string(title_of(foreign)) + ", this server " + titles(server) + ")";
}

Preface::Preface(ServerShard& shard, std::shared_ptr<io::Connection> connection)
    : server_(shard.server().shared_from_this()), shard_(shard), connection_(std::move(connection)) {}

void Preface::start() { connection_->start(*this); }

io::ConnectionHandler::Taken Preface::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  bool wait = false;
  for (const Protocol* protocol : server_->options().protocols) {
    switch (protocol->matches(bytes)) {
      case Protocol::Match::kYes: hand_over(*protocol); return {};
      case Protocol::Match::kMore: wait = wait || bytes.size() < protocol->first_bytes; break;
      case Protocol::Match::kNo: break;
    }
  }
  if (!wait) {
    reject(bytes);
  } else if (!std::exchange(begun_, true)) {
    // It is not restarted by single bytes.
    connection_->expect_progress(server_->options().connection.frame_timeout, io::CloseReason::kFrameTimeout);
  }
  return {};
}

void Preface::hand_over(const Protocol& protocol) {
  auto session = protocol.make_session(shard_, connection_);
  connection_->expect_nothing();
  connection_->hand_over(*session);
  shard_.add(std::move(session));
}

void Preface::reject(ByteSpan first) {
  foreign_ = foreign_client(first);
  const Protocol& main = *server_->options().protocols.front();
  server_->count_rejected(main, main.unmatched);
  turn_away(*server_, *connection_, foreign_);
  connection_->close(io::CloseReason::kBadInput);
}

void Preface::on_handed_over() { shard_.forget(*this); }  // destroys this

void Preface::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  // This may have the last reference to an abandoned server, whose shard is still used below.
  const auto server = server_;
  server->counters.connections_closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  if (reason == io::CloseReason::kBadInput || reason == io::CloseReason::kFrameTimeout ||
      reason == io::CloseReason::kSlowReader) {
    const Protocol& main = *server->options().protocols.front();
    std::string why = io::name_of(reason);
    if (reason == io::CloseReason::kBadInput) why = main.rejections[main.unmatched];
    shard_.log("closed the connection from " + connection_->peer_name() + ": " + why +
               turned_away_because(*server, foreign_));
  }
  shard_.remove(*this);  // destroys this
}

}  // namespace rocket::rpc
