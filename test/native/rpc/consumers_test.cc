#include <gtest/gtest.h>

#include <utility>
#include <vector>

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

TEST(Consumers, OneThatGoesIsFollowedByTheNextAndItsCallsAreAnswered) {
  JsSide second;
  auto first = std::make_unique<JsSide>();
  const auto server = first->add_server();
  second.adopt(server);
  const auto address = first->listen(*server);
  first->on_request = [](const EventView&) {};
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("a"))));
  ASSERT_TRUE(first->pump_until([&] { return first->requests == 1; }));
  first.reset();
  const auto lost = peer.read_frame();
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->err_code, tinypb::kUnavailable);
  ASSERT_TRUE(eventually(second.io_threads(1), [&] { return server->calls.in_flight() == 0; }));

  ASSERT_TRUE(peer.send(make_frame({"2", "Echo.echo", 0, ""}, as_bytes("b"))));
  ASSERT_TRUE(second.pump_until([&] { return second.requests == 1; }));
  const auto served = peer.read_frame();
  ASSERT_TRUE(served.has_value());
  EXPECT_EQ(served->err_code, tinypb::kOk);
  EXPECT_EQ(as_text(served->body), "b");
}

TEST(Consumers, AllHearOfTheEndOfTheServer) {
  JsSide first;
  JsSide second;
  const auto server = first.add_server();
  second.adopt(server);
  first.listen(*server);
  server->close(Millis(0));
  EXPECT_TRUE(first.pump_until([&] { return first.servers_closed.size() == 1; }));
  EXPECT_TRUE(second.pump_until([&] { return second.servers_closed.size() == 1; }));
}

TEST(CallInPieces, AMessageItsEndAndTheReleaseAreThreeThings) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  std::pair<std::uint32_t, std::uint32_t> id;
  js.on_request = [&](const EventView& event) { id = {event.id_low, event.id_high}; };
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, {})));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  js.message(id.first, id.second, as_bytes("whole"));
  js.finish(id.first, id.second);
  js.message(id.first, id.second, as_bytes("too late"));
  js.finish(id.first, id.second, tinypb::kUnavailable, "too late");
  js.flush();
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->err_code, tinypb::kOk);
  EXPECT_EQ(as_text(reply->body), "whole");
  EXPECT_EQ(server->calls.in_flight(), 1) << "JavaScript still has it";
  js.end(id.first, id.second);
  js.flush();
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->calls.in_flight() == 0; }));
}

TEST(CallInPieces, AnErrorDropsTheMessageBeforeIt) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  js.on_request = [&](const EventView& event) {
    js.message(event.id_low, event.id_high, as_bytes("half"));
    js.finish(event.id_low, event.id_high, 77, "no");
    js.end(event.id_low, event.id_high);
  };
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, {})));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->err_code, 77);
  EXPECT_EQ(reply->err_info, "no");
  EXPECT_TRUE(reply->body.empty());
}

}  // namespace
}  // namespace rocket::rpc
