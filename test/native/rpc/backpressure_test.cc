#include <gtest/gtest.h>

#include <thread>

#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/wire_code.h"

namespace rocket::rpc {
namespace {

using test::Bytes;
using test::eventually;
using test::EventView;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

TEST(Backpressure, ALargeRequestThatReachesTheConnectionsCallLimitIsTakenOnce) {
  JsSide js;
  ServerOptions options;
  options.max_calls_per_connection = 1;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  // Over the size from which a payload travels in the frame's own block, and below it, where it is copied.
  for (const std::size_t size : {100'000U, 65'520U}) {
    const auto before = js.requests;
    ASSERT_TRUE(peer.send(make_frame({"large", "Echo.echo", 0, ""}, Bytes(size, 7))));
    ASSERT_TRUE(peer.send(make_frame({"small", "Echo.echo", 0, ""}, as_bytes("x"))));
    ASSERT_TRUE(js.pump_until([&] { return js.requests >= before + 2; }));
    const auto large = peer.read_frame();
    ASSERT_TRUE(large);
    EXPECT_EQ(large->msg_id, "large");
    EXPECT_EQ(large->body.size(), size);
    const auto small = peer.read_frame();
    ASSERT_TRUE(small);
    EXPECT_EQ(small->msg_id, "small");
    EXPECT_EQ(js.requests, before + 2);
  }
}

TEST(Backpressure, AConnectionPausedForItsUnwrittenRepliesIsReadAgainOnceTheyAreWritten) {
  JsSide js;
  ServerOptions options;
  options.connection.max_write_queue_bytes = 8 * 1024;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  // Refused natively, so that all replies are queued in the turn that reads the requests; together they are over the
  // limit and yet fit the socket's buffer.
  const auto request = make_frame({"1", "No.such", 0, ""}, {});
  Bytes many;
  constexpr int kRequests = 500;
  for (int i = 0; i < kRequests; ++i) many.insert(many.end(), request.begin(), request.end());
  ASSERT_TRUE(peer.send(many));
  for (int i = 0; i < kRequests; ++i) {
    const auto reply = peer.read_frame();
    ASSERT_TRUE(reply) << "after " << i << " replies";
    EXPECT_EQ(reply->err_code, tinypb::kServiceNotFound);
  }
}

TEST(Backpressure, MetadataLargerThanTheSlabIsRefusedNotWaitedOn) {
  Inbox::Limits limits;
  limits.slab_bytes = 128 * 1024;
  JsSide js(limits);
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  const std::string metadata = "key=" + std::string(200'000, 'v');
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 500, metadata}, as_bytes("x"))));
  // Either an error reply or the end of the connection, but not silence.
  bool answered = false;
  std::thread reader([&] { answered = peer.read_frame().has_value() || peer.read_to_end(); });
  reader.join();
  EXPECT_TRUE(answered);
}

TEST(Backpressure, AFullInboxStopsTheReadingAndNothingIsLost) {
  Inbox::Limits limits;
  limits.max_events = 16;
  limits.slab_bytes = 128 * 1024;
  JsSide js(limits);
  ServerOptions options;
  options.io_threads = 2;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  constexpr int kPeers = 4;
  constexpr int kRequests = 500;
  std::vector<RawPeer> peers;
  for (int p = 0; p < kPeers; ++p) peers.emplace_back(address);
  for (int i = 0; i < kRequests; ++i) {
    const auto request = make_frame({std::to_string(i), "Echo.echo", 0, ""}, as_bytes(std::to_string(i)));
    for (auto& peer : peers) ASSERT_TRUE(peer.send(request));
  }
  // JavaScript has not run once: what it has not asked for waits in the sockets.
  EXPECT_LE(js.inbox().depth().events, 16U);
  ASSERT_TRUE(js.pump_until([&] { return js.requests == kPeers * kRequests; }));
  for (auto& peer : peers) {
    for (int i = 0; i < kRequests; ++i) {
      const auto reply = peer.read_frame();
      ASSERT_TRUE(reply);
      ASSERT_EQ(reply->msg_id, std::to_string(i)) << "out of order";
      ASSERT_EQ(as_text(reply->body), std::to_string(i));
    }
  }
  EXPECT_EQ(js.requests, static_cast<std::size_t>(kPeers * kRequests));
}

TEST(Backpressure, APeerThatNeverReadsStaysBounded) {
  JsSide js;
  ServerOptions options;
  options.connection.max_write_queue_bytes = 256 * 1024;
  options.max_calls_per_connection = 64;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  RawPeer peer(address, 4096);
  constexpr std::size_t kBody = 8 * 1024;
  const auto request = make_frame({"1", "Echo.echo", 0, ""}, Bytes(kBody, 1));
  std::atomic<bool> stuck{false};
  std::thread sender([&] {
    const timeval short_patience{1, 0};
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_SNDTIMEO, &short_patience, sizeof short_patience);
    for (int i = 0; i < 20'000; ++i) {
      if (!peer.send(request)) break;
    }
    stuck = true;
  });
  std::int64_t most = 0;
  const auto probe = js.add_server();  // so that pumping goes on when the peer is stuck
  const auto probe_channel = js.add_channel();
  const auto probe_endpoint = js.add_endpoint(probe_channel, js.listen(*probe));
  std::size_t probes = 0;
  ASSERT_TRUE(js.pump_until([&] {
    most = std::max(most, server->gauges.queued_bytes.load());
    if (js.ended_calls() == probes) js.call(probe_endpoint, {.body = "still there"}), ++probes;
    js.flush();
    return stuck.load();
  }));
  sender.join();
  // Over the limit are at most the replies that were in JavaScript's hands when it was reached.
  EXPECT_GT(most, 0);
  EXPECT_LE(most, static_cast<std::int64_t>(256 * 1024 + 66 * (kBody + 100)));
  EXPECT_LT(js.requests, 20'000U + probes);
  peer.reset();
  EXPECT_TRUE(js.pump_until([&] {
    if (js.ended_calls() == probes) js.call(probe_endpoint, {.body = "still there"}), ++probes;
    js.flush();
    return server->gauges.open.load() == 0 && server->calls.in_flight() == 0;
  }));
  EXPECT_EQ(server->gauges.queued_bytes.load(), 0);
}

TEST(Backpressure, RepliesPastTheHardLimitBecomeResourceExhausted) {
  JsSide js;
  ServerOptions options;
  options.connection.max_write_queue_bytes = 16 * 1024;
  options.connection.max_frame_bytes = 64 * 1024;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server), 4096);
  constexpr std::size_t kCalls = 300;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> held;
  js.on_request = [&](const EventView& event) { held.emplace_back(event.id_low, event.id_high); };
  for (std::size_t i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(peer.send(make_frame({std::to_string(i), "Echo.echo", 0, ""}, {})));
  }
  ASSERT_TRUE(js.pump_until([&] { return held.size() == kCalls; }));
  const Bytes body(60'000, 1);
  for (const auto& [low, high] : held) js.reply(low, high, body);
  js.flush();
  for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
  // Besides the limit only error replies, a few hundred bytes each.
  const auto hard_limit = static_cast<std::int64_t>(options.connection.hard_write_queue_bytes());
  EXPECT_LE(server->gauges.queued_bytes.load(), hard_limit + static_cast<std::int64_t>(kCalls * 300));
  std::size_t exhausted = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    const auto reply = peer.read_frame();
    ASSERT_TRUE(reply) << "after " << i << " replies";
    if (reply->err_code == tinypb::kResourceExhausted) ++exhausted;
    EXPECT_TRUE(reply->err_code == tinypb::kResourceExhausted || reply->body == body);
  }
  EXPECT_GT(exhausted, 0U);
  EXPECT_LT(exhausted, kCalls);
}

TEST(Backpressure, CallsOverTheServersLimitAreRefused) {
  JsSide js;
  ServerOptions options;
  options.max_calls = 10;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  std::size_t held = 0;
  js.on_request = [&](const EventView&) { ++held; };
  for (int i = 0; i < 11; ++i) {
    ASSERT_TRUE(peer.send(make_frame({std::to_string(i), "Echo.echo", 0, ""}, {})));
  }
  ASSERT_TRUE(js.pump_until([&] { return held == 10; }));
  const auto refused = peer.read_frame();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->msg_id, "10");
  EXPECT_EQ(refused->err_code, tinypb::kRefusedTooMany);
}

TEST(Backpressure, ConnectionsOverTheLimitAreClosedAtOnce) {
  JsSide js;
  ServerOptions options;
  options.max_connections = 3;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  std::vector<RawPeer> kept;
  for (std::int64_t i = 0; i < 3; ++i) {
    kept.emplace_back(address);
    ASSERT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == i + 1; }));
  }
  RawPeer over(address);
  EXPECT_TRUE(over.read_to_end());
  EXPECT_EQ(server->gauges.open.load(), 3);
}

}  // namespace
}  // namespace rocket::rpc
