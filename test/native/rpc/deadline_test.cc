#include <gtest/gtest.h>

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

TEST(Deadline, AServerCallExpiresWhileJavaScriptIsBlocked) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 50, ""}, as_bytes("x"))));
  // Nothing pumps the inbox: the reply can only come from the io thread.
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->err_code, tinypb::kRpcCallTimeout);
  EXPECT_EQ(server->counters.calls_expired.load(), 1U);
  EXPECT_EQ(server->calls.in_flight(), 1) << "JavaScript still has it";
  ASSERT_TRUE(js.pump_until([&] { return js.aborts == 1; }));
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->calls.in_flight() == 0; }));
}

TEST(Deadline, IsCountedFromTheRequestHoweverLongTheIoThreadSlept) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  ASSERT_TRUE(peer.read_frame());
  std::this_thread::sleep_for(Millis(600));
  ASSERT_TRUE(peer.send(make_frame({"2", "Echo.echo", 500, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 2; }));
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->err_code, 0);
}

TEST(Deadline, ALateReplyAfterTheDeadlineIsDropped) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  js.on_request = [&](const EventView& event) {
    low = event.id_low;
    high = event.id_high;
  };
  js.on_abort = [&](const EventView&) { js.reply(low, high, as_bytes("too late")); };
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 30, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.aborts == 1; }));
  ASSERT_TRUE(eventually(js.io_threads(1), [&] { return server->calls.in_flight() == 0; }));
  js.reply(low, high, as_bytes("once more"));
  js.on_request = nullptr;
  ASSERT_TRUE(peer.send(make_frame({"2", "Echo.echo", 0, ""}, as_bytes("y"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 2; }));
  const auto expired = peer.read_frame();
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->err_code, tinypb::kRpcCallTimeout);
  const auto second = peer.read_frame();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->msg_id, "2");
  EXPECT_EQ(as_text(second->body), "y");
}

TEST(Deadline, AClientCallExpiresNativelyAndItsLateReplyIsCounted) {
  JsSide server_js;
  const auto server = server_js.add_server();
  const auto address = server_js.listen(*server);
  EventView held{};
  server_js.on_request = [&](const EventView& event) { held = event; };
  JsSide js;
  const auto channel = js.add_channel();
  const auto endpoint = js.add_endpoint(channel, address);
  const auto call = js.call(endpoint, {.body = "x", .timeout_ms = 60});
  js.flush();
  ASSERT_TRUE(server_js.pump_until([&] { return server_js.requests == 1; }));
  // JavaScript does not run; the counter is the io thread's.
  ASSERT_TRUE(eventually(js.io_threads(1), [&] { return channel->calls.in_flight() == 0; }));
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(call).ended; }));
  EXPECT_EQ(js.outcome(call).code, tinypb::kRpcCallTimeout);
  EXPECT_NE(js.outcome(call).flags & event_flag::kRequestWritten, 0);
  // The server's own deadline is the propagated one, so its answer comes too, and finds nobody.
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return channel->counters.late_replies.load() == 1; }));
}

TEST(Deadline, ThatHasPassedNeverReachesTheNetwork) {
  JsSide js;
  const auto server = js.add_server();
  const auto channel = js.add_channel();
  const auto endpoint = js.add_endpoint(channel, js.listen(*server));
  js.call(endpoint, {.body = "x", .timeout_ms = 0});
  js.call(endpoint, {.body = "x", .timeout_ms = -5});
  ASSERT_TRUE(js.pump_until([&] { return js.ended_calls() == 2; }));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(js.outcome(static_cast<std::size_t>(i)).code, tinypb::kRpcCallTimeout);
    EXPECT_EQ(js.outcome(static_cast<std::size_t>(i)).flags & event_flag::kRequestWritten, 0);
  }
  EXPECT_EQ(js.requests, 0U);
}

TEST(Deadline, OfTheRequestIsCutToTheServersLongest) {
  JsSide js;
  ServerOptions options;
  options.max_timeout = Millis(1000);
  options.default_timeout = Millis(500);
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  std::vector<std::int32_t> left;
  js.on_request = [&](const EventView& event) {
    left.push_back(event.time_ms - js.inbox().clock_ms(steady_now_ms()));
    js.reply(event.id_low, event.id_high, {});
  };
  for (const std::int32_t err_code : {INT32_MAX, 100, 0, -7, INT32_MIN}) {
    ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", err_code, ""}, {})));
  }
  ASSERT_TRUE(js.pump_until([&] { return left.size() == 5; }));
  EXPECT_LE(left[0], 1000);
  EXPECT_GT(left[0], 500);
  EXPECT_LE(left[1], 100);
  for (int i = 2; i < 5; ++i) {
    EXPECT_LE(left[static_cast<std::size_t>(i)], 500);
    EXPECT_GT(left[static_cast<std::size_t>(i)], 100);
  }
}

TEST(Cancel, ForgetsTheCallAndTheConnectionGoesOn) {
  JsSide js;
  const auto server = js.add_server();
  const auto channel = js.add_channel();
  const auto endpoint = js.add_endpoint(channel, js.listen(*server));
  std::vector<EventView> held;
  js.on_request = [&](const EventView& event) { held.push_back(event); };
  const auto cancelled = js.call(endpoint, {.body = "x"});
  ASSERT_TRUE(js.pump_until([&] { return held.size() == 1; }));
  js.cancel(cancelled);
  js.cancel(cancelled);
  js.flush();
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return channel->calls.in_flight() == 0; }));
  js.reply(held[0].id_low, held[0].id_high, {});
  js.on_request = nullptr;
  const auto second = js.call(endpoint, {.body = "y"});
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(second).ended; }));
  EXPECT_TRUE(js.outcome(second).ok);
  EXPECT_FALSE(js.outcome(cancelled).ended);
  EXPECT_EQ(channel->counters.late_replies.load(), 1U);
  EXPECT_EQ(channel->counters.connects.load(), 1U);
}

TEST(Cancel, InTheFlushThatStartsTheCall) {
  JsSide js;
  const auto server = js.add_server();
  for (const bool short_connections : {false, true}) {
    ClientOptions options;
    options.short_connections = short_connections;
    const auto channel = js.add_channel(options);
    const auto endpoint = js.add_endpoint(channel, js.listen(*server));
    for (int i = 0; i < 20; ++i) js.cancel(js.call(endpoint, {.body = "x"}));
    const auto last = js.call(endpoint, {.body = "y"});
    ASSERT_TRUE(js.pump_until([&] { return js.outcome(last).ended; }));
    EXPECT_TRUE(js.outcome(last).ok);
    EXPECT_TRUE(eventually(js.io_threads(1), [&] { return channel->calls.in_flight() == 0; }));
    EXPECT_EQ(channel->counters.waiting_bytes.load(), 0);
  }
}

TEST(Peer, ThatDisappearsAbortsItsCallsAndFreesThemWhenAcknowledged) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> held;
  js.on_request = [&](const EventView& event) { held.emplace_back(event.id_low, event.id_high); };
  js.on_abort = [](const EventView& event) { EXPECT_EQ(event.code, tinypb::kPeerClosed); };
  RawPeer peer(address);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(peer.send(make_frame({std::to_string(i), "Echo.echo", 0, ""}, {})));
  ASSERT_TRUE(js.pump_until([&] { return held.size() == 20; }));
  peer.reset();  // an end of its side alone would leave them running
  ASSERT_TRUE(js.pump_until([&] { return js.aborts == 20; }));
  EXPECT_EQ(server->gauges.open.load(), 0);
  EXPECT_EQ(server->calls.in_flight(), 20);
  // A reply is as good an acknowledgement as an end.
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (i % 2 == 0) {
      js.reply(held[i].first, held[i].second, as_bytes("nobody reads this"));
    } else {
      js.end(held[i].first, held[i].second);
    }
  }
  js.flush();
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->calls.in_flight() == 0; }));
}

}  // namespace
}  // namespace rocket::rpc
