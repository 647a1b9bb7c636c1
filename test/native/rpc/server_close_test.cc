#include <gtest/gtest.h>

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

struct Held {
  std::uint32_t low;
  std::uint32_t high;
};

ServerOptions drained_server_on(std::size_t io_threads) {
  ServerOptions options;
  options.io_threads = io_threads;
  return options;
}

TEST(ServerClose, DrainingWaitsForRunningCallsAndRefusesNewOnes) {
  JsSide js;
  const auto server = js.add_server(drained_server_on(2));
  const auto address = js.listen(*server);
  std::vector<Held> held;
  js.on_request = [&](const EventView& event) { held.push_back({event.id_low, event.id_high}); };
  RawPeer first(address);
  RawPeer second(address);
  const auto request = make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"));
  ASSERT_TRUE(first.send(request));
  ASSERT_TRUE(second.send(request));
  ASSERT_TRUE(js.pump_until([&] { return held.size() == 2; }));
  server->close(Millis(60'000));
  for (io::IoThread* io : js.io_threads(2)) test::on_io(*io, [] {});
  ASSERT_TRUE(first.send(make_frame({"2", "Echo.echo", 0, ""}, as_bytes("x"))));
  const auto refused = first.read_frame();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->msg_id, "2");
  EXPECT_EQ(refused->err_code, tinypb::kRefusedClosing);
  EXPECT_EQ(js.servers_closed[js.number_of(*server)], 0);
  for (const auto& call : held) js.reply(call.low, call.high, as_bytes("done"));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  const auto reply = first.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->msg_id, "1");
  EXPECT_EQ(reply->err_code, 0);
  EXPECT_TRUE(second.read_frame());
  EXPECT_TRUE(first.read_to_end());
  EXPECT_TRUE(second.read_to_end());
  EXPECT_EQ(server->gauges.open.load(), 0);
}

TEST(ServerClose, TheEndOfTheDrainAnswersWhatStillRuns) {
  JsSide js;
  const auto server = js.add_server(drained_server_on(2));
  const auto address = js.listen(*server);
  std::size_t held = 0;
  js.on_request = [&](const EventView&) { ++held; };
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return held == 1; }));
  server->close(Millis(1));
  // on_abort acknowledges, which is what the server waits for.
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(js.aborts, 1U);
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->err_code, tinypb::kUnavailable);
  EXPECT_TRUE(peer.read_to_end());
  EXPECT_EQ(server->calls.in_flight(), 0);
}

// Many rounds, since the shards have to let go of their last connections at the same time for it to go wrong.
TEST(ServerClose, SaysServerClosedExactlyOnce) {
  JsSide js;
  for (int round = 0; round < 200; ++round) {
    const auto server = js.add_server(drained_server_on(4));
    const auto address = js.listen(*server);
    std::vector<RawPeer> peers;
    for (int i = 0; i < 8; ++i) peers.emplace_back(address);
    ASSERT_TRUE(eventually(js.io_threads(4), [&] { return server->gauges.open.load() == 8; }));
    server->close(Millis(1000));
    const auto number = js.number_of(*server);
    ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[number] > 0; }));
    for (auto& peer : peers) EXPECT_TRUE(peer.read_to_end());
    // Whatever else a shard has to say, it has said by the end of its turn.
    for (io::IoThread* io : js.io_threads(4)) test::on_io(*io, [] {});
    const auto marker = js.add_server(drained_server_on(1));
    marker->close(Millis(0));
    ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*marker)] > 0; }));
    ASSERT_EQ(js.servers_closed[number], 1) << "round " << round;
  }
}

TEST(ServerClose, TwiceIsAsOnce) {
  JsSide js;
  const auto server = js.add_server(drained_server_on(2));
  const auto address = js.listen(*server);
  std::size_t held = 0;
  js.on_request = [&](const EventView&) { ++held; };
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return held == 1; }));
  server->close(Millis(60'000));
  server->close(Millis(1));  // the second wants it sooner
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(js.servers_closed[js.number_of(*server)], 1);
}

TEST(ServerClose, OfAServerThatNeverListened) {
  JsSide js;
  const auto server = js.add_server(drained_server_on(3));
  server->close(Millis(1000));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
}

TEST(ServerClose, IsNotHeldUpByAPeerThatDoesNotRead) {
  JsSide js;
  auto options = drained_server_on(1);
  options.connection.max_frame_bytes = 16 << 20;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  std::size_t replied = 0;
  const test::Bytes large(8 << 20, 1);
  js.on_request = [&](const EventView& event) { js.reply(event.id_low, event.id_high, large), ++replied; };
  RawPeer peer(address, 4096);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return replied == 1; }));
  server->close(Millis(10'000));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(server->gauges.queued_bytes.load(), 0);
}

}  // namespace
}  // namespace rocket::rpc
