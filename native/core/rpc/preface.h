#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/list_link.h"
#include "io/connection.h"
#include "rpc/foreign_protocol.h"
#include "tls/stream.h"

namespace rocket::rpc {

struct Protocol;
class Server;
class ServerShard;

/// An accepted connection whose protocol is not known yet: reads its first bytes and hands it to a session of the first
/// protocol of the server that they match. Closes it if they match none, or are not complete within the frame timeout
/// of the first. A connection that sends nothing is an idle one: some clients connect before they have a call to make.
/// Where the server has TLS, those bytes come out of a handshake, whose time and number are limited.
/// Belongs to its shard, and is in its list of handshakes() while in one.
class Preface final : public ListLink, public io::ConnectionHandler, private tls::Stream::Listener {
 public:
  Preface(ServerShard& shard, std::shared_ptr<io::Connection> connection);
  ~Preface();

  void start();
  io::Connection& connection() { return *connection_; }

  std::size_t index = 0;  ///< where the shard keeps it

  // ConnectionHandler
  Taken on_bytes(ByteSpan bytes) override;
  bool busy() const override { return false; }
  bool serves() const override { return true; }
  void on_handed_over() override;
  void on_closed(io::CloseReason reason) override;

 private:
  enum class Stage : std::uint8_t {
    kFirstByte,  ///< shows whether the connection begins with TLS
    kHandshake,
    kProtocol,
  };

  /// False: there are too many handshakes.
  bool begin_handshake();
  void limit_handshake();
  void end_handshake();
  Taken begin_tls(ByteSpan first);
  void on_secured(tls::Stream& stream) override;
  Taken find_protocol(ByteSpan bytes);
  bool allowed(const Protocol& protocol) const;
  void hand_over(const Protocol& protocol);
  void reject(ByteSpan first);
  void reject_plain(ByteSpan first);
  std::string why_closed(io::CloseReason reason) const;

  const std::shared_ptr<Server> server_;
  ServerShard& shard_;
  const std::shared_ptr<io::Connection> connection_;
  const tls::Stream* tls_ = nullptr;  ///< the stream of the connection
  Foreign foreign_ = Foreign::kNone;
  Stage stage_ = Stage::kProtocol;
  bool begun_ = false;         ///< a byte of the protocol has arrived
  bool in_handshake_ = false;  ///< counted as a handshake
};

/// Counts a client whose protocol is none of the server's. One that speaks HTTP/1 gets a response that says so, one
/// that speaks TLS an alert.
void turn_away(Server& server, io::Connection& connection, Foreign foreign);
/// For the log, such as ` (the client speaks HTTP/1, this server TinyPB)`; empty for Foreign::kNone.
std::string turned_away_because(const Server& server, Foreign foreign);

}  // namespace rocket::rpc
