#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "io/connection.h"
#include "rpc/foreign_protocol.h"

namespace rocket::rpc {

struct Protocol;
class Server;
class ServerShard;

/// An accepted connection whose protocol is not known yet: reads its first bytes and hands it to a session of the first
/// protocol of the server that they match. Closes it if they match none, or are not complete within the frame timeout
/// of the first. A connection that sends nothing is an idle one: some clients connect before they have a call to make.
/// Belongs to its shard.
class Preface final : public io::ConnectionHandler {
 public:
  Preface(ServerShard& shard, std::shared_ptr<io::Connection> connection);

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
  void hand_over(const Protocol& protocol);
  void reject(ByteSpan first);

  const std::shared_ptr<Server> server_;
  ServerShard& shard_;
  const std::shared_ptr<io::Connection> connection_;
  Foreign foreign_ = Foreign::kNone;
  bool begun_ = false;  ///< a byte has arrived
};

/// Counts a client whose protocol is none of the server's. One that speaks HTTP/1 gets a response that says so.
void turn_away(Server& server, io::Connection& connection, Foreign foreign);
/// For the log, such as ` (the client speaks HTTP/1, this server TinyPB)`; empty for Foreign::kNone.
std::string turned_away_because(const Server& server, Foreign foreign);

}  // namespace rocket::rpc
