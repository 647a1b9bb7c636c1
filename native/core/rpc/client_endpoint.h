#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_check.h"
#include "rpc/client_link.h"

namespace rocket::rpc {

/// The JavaScript thread's side of one endpoint: distributes calls over its links. close() must be called before it is
/// destroyed.
class ClientEndpoint {
 public:
  ClientEndpoint(Engine& engine, std::shared_ptr<ClientChannel> channel, std::shared_ptr<ClientEndpointInfo> info,
                 const std::vector<io::Address>& addresses);

  // js thread:
  ClientChannel& channel() { return *channel_; }
  std::size_t link_count() const { return links_.size(); }
  /// Round robin over the links that are best able to send a call now.
  ClientLink& pick();
  void connect();
  void set_addresses(const std::vector<io::Address>& addresses);
  void set_tls(const std::shared_ptr<const tls::Context>& context);
  void answer_server_check(std::uint32_t link, std::uint32_t question, std::string refusal);
  /// Calls that wait for a connection end; calls that are sent continue.
  void release_waiting();
  /// kEndpointClosed follows once for each link.
  void close();

 private:
  [[no_unique_address]] JsThread js_thread_;
  std::shared_ptr<ClientChannel> channel_;
  std::vector<std::shared_ptr<ClientLink>> links_;
  std::size_t next_ = 0;
};

}  // namespace rocket::rpc
