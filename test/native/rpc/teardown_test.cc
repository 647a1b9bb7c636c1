#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/wire_code.h"

namespace rocket::rpc {
namespace {

using test::EventView;
using test::JsSide;

/// A server and a channel to it, with calls in every state: some answered, some in JavaScript's hands.
struct Busy {
  explicit Busy(std::size_t io_threads = 2, std::size_t calls = 40) {
    ServerOptions server_options;
    server_options.io_threads = io_threads;
    server = js.add_server(server_options);
    address = js.listen(*server);
    ClientOptions client_options;
    client_options.io_threads = io_threads;
    client_options.connections = io_threads;
    endpoint = js.add_endpoint(js.add_channel(client_options), address);
    js.on_request = [this](const EventView& event) {
      if (++seen % 2 == 0) js.reply(event.id_low, event.id_high, event.payload);
    };
    for (std::size_t i = 0; i < calls; ++i) js.call(endpoint, {.body = "hello"});
    EXPECT_TRUE(js.pump_until([&] { return js.ended_calls() >= calls / 2; }));
  }
  JsSide js;
  std::shared_ptr<Server> server;
  std::string address;
  std::int32_t endpoint = 0;
  std::size_t seen = 0;
};

// An environment that goes away while calls run. The engine goes last: everything else needs its threads.
TEST(Teardown, InEveryOrderFiftyTimes) {
  std::array<int, 3> order = {0, 1, 2};
  for (int round = 0; round < 50; ++round) {
    Busy busy;
    busy.server.reset();
    for (const int step : order) {
      switch (step) {
        case 0: busy.js.close_inbox(); break;
        case 1: busy.js.abandon_servers(); break;
        case 2: busy.js.close_endpoints(); break;
      }
    }
    busy.js.release_engine();
    EXPECT_EQ(Engine::current(), nullptr);
    std::next_permutation(order.begin(), order.end());
  }
}

TEST(Teardown, WithoutAnyCall) {
  for (int round = 0; round < 20; ++round) {
    JsSide js;
    js.listen(*js.add_server());
    js.add_endpoint(js.add_channel(), "127.0.0.1:1");
  }
}

TEST(Teardown, WhileAnotherJsThreadKeepsTheEngine) {
  JsSide other;
  for (int round = 0; round < 20; ++round) {
    Busy busy;
    const std::weak_ptr<Server> watch = busy.server;
    busy.server.reset();
    busy.js.shut_down();
    EXPECT_TRUE(test::eventually(other.io_threads(2), [&] { return watch.expired(); })) << "the server leaks";
  }
}

TEST(Teardown, WhileTheServerDrains) {
  JsSide other;
  for (int round = 0; round < 20; ++round) {
    Busy busy;
    const std::weak_ptr<Server> watch = busy.server;
    busy.server->close(Millis(60'000));
    busy.server.reset();
    busy.js.shut_down();
    EXPECT_TRUE(test::eventually(other.io_threads(2), [&] { return watch.expired(); })) << "the server leaks";
  }
}

TEST(Teardown, WhileTheServerDrainsAndTheEngineEnds) {
  for (int round = 0; round < 20; ++round) {
    Busy busy;
    const std::weak_ptr<Server> watch = busy.server;
    busy.server->close(Millis(60'000));
    busy.server.reset();
    busy.js.shut_down();
    EXPECT_TRUE(watch.expired()) << "the server leaks";
  }
}

TEST(Teardown, WithCallsToAnAddressThatDoesNotAnswer) {
  for (int round = 0; round < 10; ++round) {
    JsSide js;
    ClientOptions options;
    options.short_connections = round % 2 == 0;
    // RFC 5737: nobody is there, so connecting takes until its timeout.
    const auto endpoint = js.add_endpoint(js.add_channel(options), "192.0.2.1:1");
    for (int i = 0; i < 10; ++i) js.call(endpoint, {.body = "hello"});
    js.flush();
  }
}

TEST(Teardown, OfALoneConnectionWithNothingInFlight) {
  JsSide keeps_the_engine;
  for (int round = 0; round < 20; ++round) {
    JsSide js;
    auto server = js.add_server();
    const auto address = js.listen(*server);
    test::RawPeer peer(address);
    ASSERT_TRUE(test::eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 1; }));
    server.reset();
    js.shut_down();
    EXPECT_TRUE(peer.read_to_end());
  }
}

}  // namespace
}  // namespace rocket::rpc
