#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_check.h"
#include "tinypb/client_session.h"

namespace rocket::rpc {

/// The JavaScript thread's side of one endpoint: distributes calls over its sessions. close() must be called before it
/// is
/// destroyed.
class ClientEndpoint {
 public:
  ClientEndpoint(Engine& engine, std::shared_ptr<ClientChannel> channel, std::shared_ptr<ClientEndpointInfo> info,
                 const std::vector<io::Address>& addresses);

  // js thread:
  ClientChannel& channel() { return *channel_; }
  std::size_t session_count() const { return sessions_.size(); }
  /// Round robin over the sessions in the best state that any of them is in.
  tinypb::ClientSession& pick();
  void connect();
  void set_addresses(const std::vector<io::Address>& addresses);
  /// kEndpointClosed follows once for each session.
  void close();

 private:
  [[no_unique_address]] JsThread js_thread_;
  std::shared_ptr<ClientChannel> channel_;
  std::vector<std::shared_ptr<tinypb::ClientSession>> sessions_;
  std::size_t next_ = 0;
};

}  // namespace rocket::rpc
