#include "rpc/call_session.h"

#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::rpc {

CallSession::CallSession(ServerShard& shard, std::shared_ptr<io::Connection> connection)
    : server_(shard.server().shared_from_this()),
      shard_(shard),
      connection_(std::move(connection)),
      lifetime_(*this, shard) {}

CallSession::~CallSession() = default;

}  // namespace rocket::rpc
