#include <gtest/gtest.h>

#include <random>

#include "support/js_side.h"
#include "support/on_io.h"

// What waits for the end of a call, when JavaScript sends the reply itself and the io thread has nothing else to do.
namespace rocket::rpc {
namespace {

using test::EventView;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

/// More than JavaScript answers through the io thread before it sends lone replies itself.
constexpr int kCalls = 100;

void call(JsSide& js, RawPeer& peer, int number) {
  const auto before = js.requests;
  ASSERT_TRUE(peer.send(make_frame({std::to_string(number), "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests > before; })) << "call " << number << " was never delivered";
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply) << "call " << number << " got no reply";
  EXPECT_EQ(reply->msg_id, std::to_string(number));
  EXPECT_EQ(reply->err_code, 0) << reply->err_info;
}

TEST(EndOfCall, AConnectionAtItsLimitIsReadAgainAfterADirectReply) {
  JsSide js;
  ServerOptions options;
  options.max_calls_per_connection = 1;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  for (int i = 0; i < kCalls; ++i) ASSERT_NO_FATAL_FAILURE(call(js, peer, i));
  EXPECT_GT(js.outbox().stats().direct_sends, 0U);
}

TEST(EndOfCall, TheServersLimitDoesNotCountCallsThatAreAnswered) {
  JsSide js;
  ServerOptions options;
  options.io_threads = 2;
  options.max_calls = 1;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  std::vector<RawPeer> peers;
  for (int i = 0; i < 4; ++i) peers.emplace_back(address);
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_NO_FATAL_FAILURE(call(js, peers[static_cast<std::size_t>(i) % peers.size()], i));
    EXPECT_EQ(server->calls.in_flight(), 0);
  }
  EXPECT_EQ(server->counters.calls_refused.load(), 0U);
  EXPECT_GT(js.outbox().stats().direct_sends, 0U);
}

TEST(EndOfCall, AServerThatDrainsClosesAfterTheLastDirectReply) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  for (int i = 0; i < kCalls; ++i) ASSERT_NO_FATAL_FAILURE(call(js, peer, i));
  std::pair<std::uint32_t, std::uint32_t> held;
  js.on_request = [&](const EventView& event) { held = {event.id_low, event.id_high}; };
  ASSERT_TRUE(peer.send(make_frame({"last", "Echo.echo", 0, ""}, {})));
  const auto before = js.requests;
  ASSERT_TRUE(js.pump_until([&] { return js.requests > before; }));
  server->close(std::chrono::hours(1));
  for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
  const auto direct = js.outbox().stats().direct_sends;
  js.reply(held.first, held.second, as_bytes("bye"));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] == 1; }));
  EXPECT_EQ(js.outbox().stats().direct_sends, direct + 1);
  ASSERT_TRUE(peer.read_frame());
}

TEST(EndOfCall, ConnectionsOnTheirWayToAnIoThreadCount) {
  JsSide js;
  ServerOptions options;
  options.io_threads = 3;
  options.max_connections = 5;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  for (int round = 0; round < 3; ++round) {
    std::vector<RawPeer> peers;
    for (int i = 0; i < 40; ++i) peers.emplace_back(address);
    const auto total = static_cast<std::uint64_t>(5 * (round + 1));
    ASSERT_TRUE(test::eventually(js.io_threads(3), [&] { return server->counters.connections_total.load() >= total; }));
    // Connections are accepted in the order in which they were made.
    for (std::size_t i = 5; i < peers.size(); ++i) ASSERT_TRUE(peers[i].read_to_end()) << i;
    EXPECT_EQ(server->counters.connections_total.load(), total);
    peers.clear();
    ASSERT_TRUE(test::eventually(js.io_threads(3), [&] { return server->gauges.open.load() == 0; }));
  }
}

// Peers keep as many calls open as the limits allow and no more, so a call that is refused, or not delivered at once,
// was judged by a count that was not true. Each schedule is another mix of limits, threads, connections, and of replies
// that leave alone (and so directly) or together.
TEST(EndOfCall, NoScheduleOfRepliesLeavesACallWaiting) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
    JsSide js;
    ServerOptions options;
    options.io_threads = static_cast<std::size_t>(pick(1, 3));
    options.max_calls_per_connection = static_cast<std::size_t>(pick(1, 4));
    const int peers_count = pick(1, 5);
    options.max_calls = static_cast<std::size_t>(pick(1, 4));
    const auto server = js.add_server(options);
    const auto address = js.listen(*server);
    std::vector<RawPeer> peers;
    for (int p = 0; p < peers_count; ++p) peers.emplace_back(address);
    struct Held {
      std::size_t peer;
      std::uint32_t low;
      std::uint32_t high;
    };
    std::vector<Held> held;
    std::vector<std::size_t> open(peers.size(), 0);
    std::size_t sending = 0;
    js.on_request = [&](const EventView& event) { held.push_back({sending, event.id_low, event.id_high}); };
    for (int step = 0; step < 200; ++step) {
      const auto p = static_cast<std::size_t>(pick(0, peers_count - 1));
      const bool room = held.size() < options.max_calls && open[p] < options.max_calls_per_connection;
      if (room && pick(0, 2) > 0) {
        sending = p;
        const auto before = js.requests;
        ASSERT_TRUE(peers[p].send(make_frame({std::to_string(step), "Echo.echo", 0, ""}, as_bytes("x"))));
        ASSERT_TRUE(js.pump_until([&] { return js.requests > before; })) << "seed " << seed << ", step " << step;
        ++open[p];
        continue;
      }
      // One reply by itself, or all of them in one flush.
      const std::size_t replies = held.empty() ? 0 : pick(0, 3) > 0 ? 1 : held.size();
      std::vector<Held> ended;
      for (std::size_t i = 0; i < replies; ++i) {
        const auto at = static_cast<std::size_t>(pick(0, static_cast<int>(held.size()) - 1));
        ended.push_back(held[at]);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
        js.reply(ended.back().low, ended.back().high, as_bytes("y"));
      }
      js.flush();
      for (const Held& one : ended) {
        const auto reply = peers[one.peer].read_frame();
        ASSERT_TRUE(reply) << "seed " << seed << ", step " << step;
        ASSERT_EQ(reply->err_code, 0) << reply->err_info << ", seed " << seed << ", step " << step;
        --open[one.peer];
      }
    }
    EXPECT_EQ(server->counters.calls_refused.load(), 0U) << "seed " << seed;
    EXPECT_EQ(server->calls.in_flight(), static_cast<std::int64_t>(held.size())) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rocket::rpc
