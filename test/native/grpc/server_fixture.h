#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "grpc/protocol.h"
#include "support/h2_peer.h"
#include "support/js_side.h"
#include "support/on_io.h"

namespace rocket::test {

/// A server that speaks gRPC, and the thread that handles its calls.
class GrpcServerTest : public testing::Test {
 protected:
  /// `Echo.echo`, which echoes unless a test says otherwise, and `Echo.other`.
  std::string serve(rpc::ServerOptions options = {}, rpc::MethodKind kind = rpc::MethodKind::kUnary) {
    options.protocols = {&grpc::kProtocol};
    server_ = js_.add_server(options, {"Echo.echo", "Echo.other"}, kind);
    return js_.listen(*server_);
  }
  /// Pumps until JavaScript has had so many requests.
  bool pump_requests(std::size_t count) {
    return js_.pump_until([&, count] { return js_.requests == count; });
  }
  bool all_ended() {
    return eventually(js_.io_threads(1), [&] { return server_->calls.in_flight() == 0; });
  }
  std::uint64_t refused() const { return server_->counters.calls_refused.load(); }

  JsSide js_;
  std::shared_ptr<rpc::Server> server_;
};

inline const std::string kEcho = "/Echo/echo";

}  // namespace rocket::test
