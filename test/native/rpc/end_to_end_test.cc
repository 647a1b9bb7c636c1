#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/wire_code.h"

namespace rocket::rpc {
namespace {

using test::eventually;
using test::EventView;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

ServerOptions server_on(std::size_t io_threads) {
  ServerOptions options;
  options.io_threads = io_threads;
  return options;
}

ClientOptions client_on(std::size_t io_threads, std::size_t connections) {
  ClientOptions options;
  options.io_threads = io_threads;
  options.connections = connections;
  return options;
}

/// Closes server and channel, and looks at every gauge and counter that has to be zero then.
void expect_clean_end(JsSide& js, const std::shared_ptr<Server>& server, std::int32_t endpoint, int sessions,
                      const ClientChannel& channel) {
  js.close_endpoint(endpoint);
  ASSERT_TRUE(js.pump_until([&] { return js.endpoints_closed[endpoint] == sessions; }));
  EXPECT_EQ(channel.calls.in_flight(), 0);
  EXPECT_EQ(channel.counters.waiting_bytes.load(), 0);
  EXPECT_EQ(channel.gauges.open.load(), 0);
  EXPECT_EQ(channel.gauges.queued_bytes.load(), 0);
  server->close(Millis(10'000));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(server->calls.in_flight(), 0);
  EXPECT_EQ(server->gauges.open.load(), 0);
  EXPECT_EQ(server->gauges.queued_bytes.load(), 0);
}

TEST(EndToEnd, TenThousandCallsOverSeveralConnectionsAndThreads) {
  JsSide js;
  const auto server = js.add_server(server_on(2));
  const auto address = js.listen(*server);
  const auto channel = js.add_channel(client_on(2, 4));
  const auto endpoint = js.add_endpoint(channel, address);
  constexpr std::size_t kCalls = 10'000;
  constexpr std::size_t kWindow = 200;
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < kCalls; ++i) bodies.push_back("call " + std::to_string(i) + std::string(i % 300, 'x'));
  std::size_t started = 0;
  ASSERT_TRUE(js.pump_until([&] {
    while (started < kCalls && started - js.ended_calls() < kWindow) js.call(endpoint, {.body = bodies[started++]});
    js.flush();
    return js.ended_calls() == kCalls;
  }));
  for (std::size_t i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(js.outcome(i).ok) << js.outcome(i).text;
    ASSERT_EQ(as_text(js.outcome(i).payload), bodies[i]);
  }
  EXPECT_EQ(js.requests, kCalls);
  EXPECT_EQ(server->calls.begun(), kCalls);
  EXPECT_EQ(channel->calls.begun(), kCalls);
  EXPECT_EQ(channel->counters.connects.load(), 4U);
  expect_clean_end(js, server, endpoint, 4, *channel);
}

TEST(EndToEnd, TheJsThreadAnswersDirectlyWhenCallsComeOneAtATime) {
  JsSide js;
  const auto server = js.add_server(server_on(2));
  const auto address = js.listen(*server);
  constexpr std::size_t kCalls = 2000;
  std::thread client([&] {
    RawPeer peer(address);
    for (std::size_t i = 0; i < kCalls; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_TRUE(peer.send(make_frame({id, "Echo.echo", 0, ""}, as_bytes(id))));
      const auto reply = peer.read_frame();
      ASSERT_TRUE(reply) << "after " << i << " replies";
      ASSERT_EQ(reply->msg_id, id);
      ASSERT_EQ(as_text(reply->body), id);
    }
  });
  EXPECT_TRUE(js.pump_until([&] { return js.requests == kCalls; }));
  client.join();
  EXPECT_GT(js.outbox().stats().direct_sends, kCalls / 2);
  server->close(Millis(10'000));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(server->calls.in_flight(), 0);
  EXPECT_EQ(server->gauges.open.load(), 0);
}

TEST(EndToEnd, TwoJsThreadsCallEachOther) {
  // A server on one thread, clients on two others, as with worker threads.
  JsSide js;
  const auto server = js.add_server(server_on(2));
  const auto address = js.listen(*server);
  constexpr std::size_t kClients = 2;
  constexpr std::size_t kCalls = 2000;
  std::vector<std::thread> clients;
  for (std::size_t c = 0; c < kClients; ++c) {
    clients.emplace_back([&address] {
      JsSide client;
      const auto endpoint = client.add_endpoint(client.add_channel(client_on(2, 2)), address);
      for (std::size_t i = 0; i < kCalls; ++i) {
        client.call(endpoint, {.body = "hello"});
        if (i % 50 < 49) continue;
        EXPECT_TRUE(client.pump_until([&] { return client.ended_calls() == i + 1; }));
      }
      for (std::size_t i = 0; i < kCalls; ++i) ASSERT_TRUE(client.outcome(i).ok) << client.outcome(i).text;
    });
  }
  EXPECT_TRUE(js.pump_until([&] { return js.requests == kClients * kCalls; }));
  for (auto& client : clients) client.join();
  EXPECT_EQ(server->calls.begun(), kClients * kCalls);
  EXPECT_TRUE(eventually(js.io_threads(2), [&] { return server->gauges.open.load() == 0; }));
  // Their last replies may have found nobody; what JavaScript holds is acknowledged all the same.
  server->close(Millis(10'000));
  EXPECT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(server->calls.in_flight(), 0);
}

TEST(EndToEnd, LargeBodiesBothWays) {
  JsSide js;
  const auto server = js.add_server(server_on(1));
  const auto address = js.listen(*server);
  const auto channel = js.add_channel(client_on(1, 1));
  const auto endpoint = js.add_endpoint(channel, address);
  std::vector<std::string> bodies;
  for (const std::size_t size : {65'535U, 65'536U, 65'537U, 100'000U, 1'000'000U, 4'000'000U, 10U}) {
    std::string& body = bodies.emplace_back(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + size);
  }
  for (const auto& body : bodies) {
    const auto call = js.call(endpoint, {.body = body, .metadata = "key=value"});
    ASSERT_TRUE(js.pump_until([&] { return js.outcome(call).ended; }));
    EXPECT_TRUE(js.outcome(call).ok) << js.outcome(call).text;
    EXPECT_TRUE(as_text(js.outcome(call).payload) == body) << body.size();
  }
  expect_clean_end(js, server, endpoint, 1, *channel);
}

TEST(EndToEnd, ShortConnections) {
  JsSide js;
  const auto server = js.add_server(server_on(2));
  const auto address = js.listen(*server);
  ClientOptions options = client_on(2, 1);
  options.short_connections = true;
  const auto channel = js.add_channel(options);
  const auto endpoint = js.add_endpoint(channel, address);
  constexpr std::size_t kCalls = 600;
  std::size_t started = 0;
  ASSERT_TRUE(js.pump_until([&] {
    while (started < kCalls && started - js.ended_calls() < 50) js.call(endpoint, {.body = "short"}), ++started;
    js.flush();
    return js.ended_calls() == kCalls;
  }));
  for (std::size_t i = 0; i < kCalls; ++i) ASSERT_TRUE(js.outcome(i).ok) << js.outcome(i).text;
  EXPECT_EQ(channel->counters.connects.load(), kCalls);
  EXPECT_EQ(server->counters.connections_total.load(), kCalls);
  expect_clean_end(js, server, endpoint, 2, *channel);
}

TEST(EndToEnd, OverAUnixSocket) {
  JsSide js;
  const auto server = js.add_server(server_on(1));
  const std::string path = testing::TempDir() + "rocket-" + std::to_string(::getpid()) + ".sock";
  EXPECT_EQ(js.listen(*server, "unix:" + path), "unix:" + path);
  const auto channel = js.add_channel(client_on(1, 1));
  const auto endpoint = js.add_endpoint(channel, "unix:" + path);
  const auto call = js.call(endpoint, {.body = "hello"});
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(call).ended; }));
  EXPECT_TRUE(js.outcome(call).ok);
  expect_clean_end(js, server, endpoint, 1, *channel);
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the socket file is left behind";
}

TEST(EndToEnd, WhatTheServerCannotServeIsAnsweredNatively) {
  JsSide js;
  const auto server = js.add_server(server_on(1));
  const auto address = js.listen(*server);
  const auto channel = js.add_channel(client_on(1, 1));
  channel->methods.push_back({"Echo.unknown"});
  channel->methods.push_back({"Unknown.echo"});
  channel->methods.push_back({"nodot"});
  const auto endpoint = js.add_endpoint(channel, address);
  for (int method = 1; method <= 3; ++method) js.call(endpoint, {.body = "x", .method = method});
  ASSERT_TRUE(js.pump_until([&] { return js.ended_calls() == 3; }));
  EXPECT_EQ(js.outcome(0).code, tinypb::kMethodNotFound);
  EXPECT_EQ(js.outcome(1).code, tinypb::kServiceNotFound);
  EXPECT_EQ(js.outcome(2).code, tinypb::kParseServiceName);
  EXPECT_EQ(js.requests, 0U);
  EXPECT_EQ(server->counters.calls_refused.load(), 3U);
  expect_clean_end(js, server, endpoint, 1, *channel);
}

}  // namespace
}  // namespace rocket::rpc
