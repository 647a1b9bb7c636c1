#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

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

std::string unix_address(const char* name) {
  return "unix:" + testing::TempDir() + "rocket-half-" + std::to_string(::getpid()) + "-" + name;
}

// What a peer sends before it ends its side is answered, however the server was paused when the end came.
TEST(HalfClose, EverythingReceivedIsAnswered) {
  std::mt19937 random(13);
  for (int round = 0; round < 24; ++round) {
    SCOPED_TRACE(round);
    Inbox::Limits inbox;
    if (round % 4 == 1) inbox.max_events = 4;
    JsSide js(inbox);
    ServerOptions options;
    options.max_calls_per_connection = round % 3 == 0 ? 1 + random() % 4 : 1024;
    if (round % 4 == 2) options.connection.max_write_queue_bytes = 4096;
    const auto server = js.add_server(options);
    RawPeer peer(js.listen(*server, round % 2 == 0 ? "127.0.0.1:0" : unix_address("answered")));
    const std::size_t count = 1 + random() % 200;
    std::set<std::string> asked;
    Bytes stream;
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = std::to_string(i);
      const std::size_t size = i % 17 == 0 ? random() % 200'000 : random() % 300;
      const auto frame = make_frame({id, "Echo.echo", 0, ""}, Bytes(size, 7));
      stream.insert(stream.end(), frame.begin(), frame.end());
      asked.insert(id);
    }
    const auto cut = make_frame({"cut", "Echo.echo", 0, ""}, Bytes(500, 7));
    stream.insert(stream.end(), cut.begin(), cut.begin() + static_cast<std::ptrdiff_t>(random() % cut.size()));
    std::thread sender([&] {
      EXPECT_TRUE(peer.send(stream));
      ::shutdown(peer.fd(), SHUT_WR);
    });
    std::set<std::string> answered;
    bool ended = false;
    std::thread reader([&] {
      while (auto reply = peer.read_frame()) answered.insert(reply->msg_id);
      ended = peer.read_to_end();
    });
    EXPECT_TRUE(js.pump_until([&] { return js.requests == count; }));
    EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 0; }));
    sender.join();
    reader.join();
    EXPECT_EQ(answered, asked);
    EXPECT_TRUE(ended);
    EXPECT_EQ(js.aborts, 0U);
    EXPECT_EQ(server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kPeerClosed)].load(), 1U);
    EXPECT_EQ(server->gauges.partial_bytes.load(), 0);
  }
}

// A peer that is gone altogether is noticed while its calls run, whether or not the connection is read.
TEST(HalfClose, APeerThatIsGoneAltogetherAbortsItsCalls) {
  enum class Way { kResetAfterEnd, kResetWhilePaused, kUnixClosed, kUnixClosedAfterEnd };
  for (const Way way : {Way::kResetAfterEnd, Way::kResetWhilePaused, Way::kUnixClosed, Way::kUnixClosedAfterEnd}) {
    SCOPED_TRACE(static_cast<int>(way));
    JsSide js;
    ServerOptions options;
    if (way == Way::kResetWhilePaused) options.max_calls_per_connection = 1;
    const auto server = js.add_server(options);
    const bool over_unix = way == Way::kUnixClosed || way == Way::kUnixClosedAfterEnd;
    RawPeer peer(js.listen(*server, over_unix ? unix_address("gone") : "127.0.0.1:0"));
    js.on_request = [](const EventView&) {};
    js.on_abort = [&](const EventView& event) {
      EXPECT_EQ(event.code, tinypb::kPeerClosed);
      js.end(event.id_low, event.id_high);
    };
    ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 60'000, ""}, as_bytes("x"))));
    ASSERT_TRUE(peer.send(make_frame({"2", "Echo.echo", 60'000, ""}, as_bytes("x"))));
    const std::size_t delivered = way == Way::kResetWhilePaused ? 1 : 2;
    ASSERT_TRUE(js.pump_until([&] { return js.requests == delivered; }));
    if (way == Way::kResetAfterEnd || way == Way::kUnixClosedAfterEnd) {
      ::shutdown(peer.fd(), SHUT_WR);
      for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
      EXPECT_EQ(js.aborts, 0U);
    }
    if (over_unix) {
      peer.close();
    } else {
      peer.reset();
    }
    ASSERT_TRUE(js.pump_until([&] { return js.aborts == delivered; }));
    js.flush();
    EXPECT_TRUE(eventually(js.io_threads(1),
                           [&] { return server->gauges.open.load() == 0 && server->calls.in_flight() == 0; }));
  }
}

TEST(HalfClose, UrgentDataIsNotTakenForTheEnd) {
  JsSide js;
  ServerOptions options;
  options.max_calls_per_connection = 1;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  js.on_request = [&](const EventView& event) { low = event.id_low, high = event.id_high; };
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 60'000, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  ASSERT_EQ(::send(peer.fd(), "!", 1, MSG_OOB), 1);
  for (int i = 0; i < 20; ++i) {
    for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
  }
  js.reply(low, high, as_bytes("y"));
  js.flush();
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(as_text(reply->body), "y");
}

TEST(HalfClose, APeerThatReadsNothingIsClosedWhenIdle) {
  JsSide js;
  ServerOptions options;
  options.connection.idle_timeout = Millis(150);
  options.connection.max_write_queue_bytes = 64 << 20;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server), 4096);
  std::thread sender([&] {
    for (int i = 0; i < 8; ++i) {
      if (!peer.send(make_frame({std::to_string(i), "Echo.echo", 0, ""}, Bytes(2 << 20, 1)))) break;
    }
    ::shutdown(peer.fd(), SHUT_WR);
  });
  ASSERT_TRUE(js.pump_until([&] { return js.requests > 0; }));
  const auto slow = static_cast<std::size_t>(io::CloseReason::kSlowReader);
  EXPECT_TRUE(js.pump_until([&] {
    for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
    return server->counters.connections_closed[slow].load() == 1 || js.requests == 8;
  }));
  EXPECT_TRUE(eventually(js.io_threads(1), [&] {
    return server->counters.connections_closed[slow].load() == 1 && server->calls.in_flight() == 0;
  }));
  sender.join();
  EXPECT_EQ(server->gauges.queued_bytes.load(), 0);
}

// A client of ours that goes away while calls of it run resets: the server need not guess.
TEST(HalfClose, AClientThatClosesWithCallsUnansweredAbortsThem) {
  for (const bool short_connections : {false, true}) {
    for (const bool given_up_before : {false, true}) {
      JsSide js;
      const auto server = js.add_server();
      const auto address = js.listen(*server);
      ClientOptions options;
      options.short_connections = short_connections;
      const auto channel = js.add_channel(options);
      const auto endpoint = js.add_endpoint(channel, address);
      js.on_request = [](const EventView&) {};
      js.on_abort = [&](const EventView& event) { js.end(event.id_low, event.id_high); };
      const auto call = js.call(endpoint, {.body = "x"});
      ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
      if (given_up_before) {
        js.cancel(call);
        js.flush();
      }
      js.close_endpoint(endpoint);
      ASSERT_TRUE(js.pump_until([&] { return js.aborts == 1; }));
      ASSERT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 0; }));
      EXPECT_EQ(server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kReset)].load(), 1U);
    }
  }
}

TEST(HalfClose, AClientThatClosesWithAllAnsweredEndsItsSide) {
  for (const bool short_connections : {false, true}) {
    JsSide js;
    const auto server = js.add_server();
    ClientOptions options;
    options.short_connections = short_connections;
    const auto channel = js.add_channel(options);
    const auto endpoint = js.add_endpoint(channel, js.listen(*server));
    const auto call = js.call(endpoint, {.body = "x"});
    ASSERT_TRUE(js.pump_until([&] { return js.outcome(call).ended; }));
    EXPECT_TRUE(js.outcome(call).ok);
    js.close_endpoint(endpoint);
    ASSERT_TRUE(js.pump_until([&] { return js.endpoints_closed[endpoint] == 1; }));
    ASSERT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 0; }));
    EXPECT_EQ(server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kPeerClosed)].load(), 1U);
  }
}

}  // namespace
}  // namespace rocket::rpc
