#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "grpc/client_link.h"
#include "grpc/protocol.h"
#include "support/h2_peer.h"
#include "support/js_side.h"
#include "support/on_io.h"
#include "support/raw_listener.h"

namespace rocket::test {

inline const H2Peer::Fields kHeaders = {{":status", "200"}, {"content-type", "application/grpc"}};
inline const H2Peer::Fields kOk = {{"grpc-status", "0"}};

/// A channel that speaks gRPC, to our own server or to a peer that a test scripts.
class GrpcClientTest : public testing::Test {
 protected:
  /// Closes the connections, for which the script may wait, before anything is destroyed that it uses.
  void TearDown() override {
    js_.shut_down();
    if (peer_.joinable()) peer_.join();
  }

  static rpc::ClientOptions client_options() {
    rpc::ClientOptions options;
    options.protocol = &grpc::kClientProtocol;
    options.keepalive.time = Millis{0};
    options.first_backoff = Millis{1};
    return options;
  }
  std::int32_t connect(const std::string& address, const rpc::ClientOptions& options = client_options(),
                       rpc::MethodKind kind = rpc::MethodKind::kUnary) {
    channel_ = js_.add_channel(options);
    channel_->methods.back().kind = kind;
    return js_.add_endpoint(channel_, address);
  }
  std::string serve(rpc::ServerOptions options = {}, rpc::MethodKind kind = rpc::MethodKind::kUnary) {
    options.protocols = {&grpc::kProtocol};
    server_ = js_.add_server(options, {"Echo.echo"}, kind);
    return js_.listen(*server_);
  }
  /// Runs `script` with each connection that comes, one after the other, in a thread of its own.
  std::string script(std::function<void(H2Peer&)> script, std::size_t connections = 1, H2Peer::Options options = {}) {
    peer_ = std::jthread([this, script = std::move(script), connections, options] {
      for (std::size_t i = 0; i < connections; ++i) {
        H2Peer peer(listener_.accept(), options);
        script(peer);
      }
    });
    return listener_.address;
  }
  bool pump_ended(std::size_t calls) {
    return js_.pump_until([this, calls] { return js_.ended_calls() == calls; });
  }

  RawListener listener_;
  JsSide js_;
  std::shared_ptr<rpc::ClientChannel> channel_;
  std::shared_ptr<rpc::Server> server_;
  std::jthread peer_;
};

}  // namespace rocket::test
