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

/// What the server speaks: over TLS, or only without.
std::string speaks(const Server& server) {
  const ServerTls& tls = server.options().tls;
  return titles(server) + (tls.context != nullptr && !tls.allow_plain ? " over TLS" : "");
}

/// Tells an HTTP/1 client, such as a browser or curl, what the port speaks.
std::string http_response(const Server& server) {
  const std::string body = "This port speaks " + speaks(server) + " (rocket-rpc) only\n";
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

/// A fatal alert of TLS, handshake_failure (RFC 8446, 6): the client then does not wait, and does not try again with
/// another version.
constexpr std::string_view kTlsRefusal{"\x15\x03\x01\x00\x02\x02\x28", 7};

}  // namespace

void turn_away(Server& server, io::Connection& connection, Foreign foreign) {
  server.counters.foreign_connections[static_cast<std::size_t>(foreign)].fetch_add(1, std::memory_order_relaxed);
  std::string response;
  if (foreign == Foreign::kHttp1) response = http_response(server);
  if (foreign == Foreign::kTls) response = kTlsRefusal;
  if (response.empty()) return;
  std::memcpy(connection.append(response.size()), response.data(), response.size());
  connection.write_now();
}

std::string turned_away_because(const Server& server, Foreign foreign) {
  if (foreign == Foreign::kNone) return {};
  return " (the client speaks " + std::string(title_of(foreign)) + ", this server " + speaks(server) + ")";
}

Preface::Preface(ServerShard& shard, std::shared_ptr<io::Connection> connection)
    : server_(shard.server().shared_from_this()), shard_(shard), connection_(std::move(connection)) {}

Preface::~Preface() { end_handshake(); }

void Preface::start() {
  connection_->start(*this);
  if (shard_.tls() == nullptr) return;
  stage_ = Stage::kFirstByte;
  // A client of TLS has the first word, so silence is not that of an idle connection.
  if (!server_->options().tls.allow_plain) limit_handshake();
}

void Preface::limit_handshake() {
  connection_->expect_progress(server_->options().tls.handshake_timeout, io::CloseReason::kLayerTimeout);
}

/// Counted from its first byte: until then it costs no more than any connection. Past the limit the oldest makes room,
/// so that clients that do not go on cannot keep out those that do.
bool Preface::begin_handshake() {
  const std::size_t most = server_->options().tls.max_handshakes;
  in_handshake_ = true;
  if (server_->counters.handshakes.fetch_add(1) >= static_cast<std::int64_t>(most)) {
    ListLink& handshakes = shard_.handshakes();
    Preface& loser = handshakes.empty() ? *this : static_cast<Preface&>(*handshakes.next);
    server_->counters.handshakes_refused.fetch_add(1, std::memory_order_relaxed);
    shard_.log("closed the connection from " + loser.connection_->peer_name() + ": " + std::to_string(most) +
               " handshakes are unfinished (option tls.maxHandshakes)");
    loser.end_handshake();
    loser.connection_->close(io::CloseReason::kLocal);
  }
  if (in_handshake_) shard_.handshakes().push_back(*this);
  return in_handshake_;
}

void Preface::end_handshake() {
  if (!std::exchange(in_handshake_, false)) return;
  unlink();
  server_->counters.handshakes.fetch_sub(1);
}

io::ConnectionHandler::Taken Preface::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  if (stage_ != Stage::kFirstByte) return find_protocol(bytes);
  if (begins_tls(bytes)) return begin_tls(bytes);
  if (server_->options().tls.allow_plain) {
    stage_ = Stage::kProtocol;
    return find_protocol(bytes);
  }
  reject_plain(bytes);
  return {};
}

io::ConnectionHandler::Taken Preface::begin_tls(ByteSpan first) {
  if (!begin_handshake()) return {};
  if (server_->options().tls.allow_plain) limit_handshake();
  auto stream = tls::Stream::accept(connection_->io(), connection_->socket(), shard_.tls(), *this, first);
  if (stream == nullptr) {
    connection_->close(io::CloseReason::kOutOfMemory);
    return {};
  }
  stage_ = Stage::kHandshake;
  tls_ = stream.get();
  connection_->put_layer(std::move(stream));
  return {.consumed = first.size()};
}

void Preface::on_secured(tls::Stream&) {
  stage_ = Stage::kProtocol;
  end_handshake();
  connection_->expect_nothing();
}

/// What was chosen with ALPN is binding.
bool Preface::allowed(const Protocol& protocol) const {
  return tls_ == nullptr || tls_->protocol().empty() || tls_->protocol() == protocol.alpn;
}

io::ConnectionHandler::Taken Preface::find_protocol(ByteSpan bytes) {
  bool wait = false;
  for (const Protocol* protocol : server_->options().protocols) {
    if (!allowed(*protocol)) continue;
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

void Preface::reject_plain(ByteSpan first) {
  const Protocol& main = *server_->options().protocols.front();
  server_->count_rejected(main, main.unmatched);
  foreign_ = Foreign::kPlain;
  turn_away(*server_, *connection_, foreign_client(first) == Foreign::kHttp1 ? Foreign::kHttp1 : Foreign::kPlain);
  connection_->close(io::CloseReason::kBadInput);
}

void Preface::on_handed_over() { shard_.forget(*this); }  // destroys this

std::string Preface::why_closed(io::CloseReason reason) const {
  const Protocol& main = *server_->options().protocols.front();
  if (reason == io::CloseReason::kBadInput) return std::string(main.rejections[main.unmatched]);
  if (reason == io::CloseReason::kLayer) return connection_->why_layer_failed();
  if (reason == io::CloseReason::kLayerTimeout) {
    return "no TLS handshake within " + std::to_string(server_->options().tls.handshake_timeout.count()) +
           " ms (option tls.handshakeTimeoutMs)";
  }
  return io::name_of(reason);
}

void Preface::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  // This may have the last reference to an abandoned server, whose shard is still used below.
  const auto server = server_;
  server->counters.connections_closed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  if (reason == io::CloseReason::kBadInput || reason == io::CloseReason::kFrameTimeout ||
      reason == io::CloseReason::kSlowReader || reason == io::CloseReason::kLayer ||
      reason == io::CloseReason::kLayerTimeout) {
    shard_.log("closed the connection from " + connection_->peer_name() + ": " + why_closed(reason) +
               turned_away_because(*server, foreign_));
  }
  shard_.remove(*this);  // destroys this
}

}  // namespace rocket::rpc
