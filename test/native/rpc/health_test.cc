#include "rpc/health.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/wire_code.h"

namespace rocket::rpc {
namespace {

using test::Bytes;
using test::eventually;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

Bytes named(std::string_view service) {
  Bytes body{0x0a, static_cast<std::uint8_t>(service.size())};
  body.insert(body.end(), service.begin(), service.end());
  return body;
}

Bytes check(const Bytes& body = {}) { return make_frame({"1", health::kCheck, 0, ""}, body); }

/// The first field of the reply's body; an absent one is 0.
int status_of(const std::optional<test::Frame>& reply) {
  if (!reply || reply->err_code != 0) return -1;
  return reply->body.size() >= 2 && reply->body[0] == 0x08 ? reply->body[1] : 0;
}

TEST(HealthRequest, IsReadWithinItsBytes) {
  std::string_view service;
  EXPECT_TRUE(health::decode_request({}, service));
  EXPECT_EQ(service, "");
  const Bytes echo = named("Echo");
  EXPECT_TRUE(health::decode_request(echo, service));
  EXPECT_EQ(service, "Echo");
  const Bytes unknown_fields{0x10, 0xff, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 0x0a, 1, 'E'};
  EXPECT_TRUE(health::decode_request(unknown_fields, service));
  EXPECT_EQ(service, "E");
}

TEST(HealthRequest, IsRefusedWhenItIsNone) {
  std::string_view service;
  for (const Bytes& bad : {Bytes{0x0a}, Bytes{0x0a, 5, 'E'}, Bytes{0x00, 1}, Bytes{0x0b}, Bytes{0x80},
                           Bytes{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
                           Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bytes{0x19, 1}}) {
    EXPECT_FALSE(health::decode_request(bad, service));
  }
}

TEST(HealthResponse, LeavesOutWhatIsZero) {
  const health::Response response(health::Status::kServing, 0, 300);
  const Bytes expected{0x08, 1, 0x18, 0xac, 0x02};
  EXPECT_EQ(Bytes(response.bytes().begin(), response.bytes().end()), expected);
}

TEST(Health, IsAnsweredWithoutJavaScript) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  for (const auto& [service, status] : {std::pair{"", 1}, {"Echo", 1}, {"rocket.health.v1.Health", 1}, {"No", 3}}) {
    ASSERT_TRUE(peer.send(check(named(service))));
    EXPECT_EQ(status_of(peer.read_frame()), status) << service;
  }
  ASSERT_TRUE(peer.send(check(Bytes{0x0a})));
  const auto bad = peer.read_frame();
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->err_code, tinypb::kFailedDeserialize);
}

TEST(Health, SaysWhenJavaScriptIsBlocked) {
  JsSide js;
  ServerOptions options;
  options.health_blocked_after = Millis(100);
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(check()));
  EXPECT_EQ(status_of(peer.read_frame()), 1) << "nothing had been asked of JavaScript";
  std::this_thread::sleep_for(Millis(150));
  ASSERT_TRUE(peer.send(check()));
  EXPECT_EQ(status_of(peer.read_frame()), 4);
  js.inbox().swap();
  ASSERT_TRUE(peer.send(check()));
  EXPECT_EQ(status_of(peer.read_frame()), 1) << "it has come";
}

TEST(Health, IsNotServingWhileClosing) {
  JsSide js;
  js.on_request = [](const auto&) {};
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, {})));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  server->close(Millis(5000));
  EXPECT_TRUE(eventually(js.io_threads(1), [&] {
    EXPECT_TRUE(peer.send(check()));
    return status_of(peer.read_frame()) == 2;
  }));
}

TEST(Health, SaysWhatTheApplicationSaid) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  const auto asked = [&](std::string_view service) {
    EXPECT_TRUE(peer.send(check(named(service))));
    return status_of(peer.read_frame());
  };
  server->health.set("Echo", false);
  EXPECT_EQ(asked("Echo"), 2);
  EXPECT_EQ(asked(""), 1) << "the server as a whole was not meant";
  server->health.set("", false);
  EXPECT_EQ(asked(""), 2);
  server->health.set("Echo", true);
  EXPECT_EQ(asked("Echo"), 1);
  EXPECT_EQ(asked("rocket.health.v1.Health"), 2);
  server->health.set("", true);
  server->health.set("Nobody", false);
  EXPECT_EQ(asked("Nobody"), 3);
  EXPECT_EQ(asked(""), 1);
}

TEST(Health, IsAnUnknownServiceWhenSwitchedOff) {
  JsSide js;
  ServerOptions options;
  options.health_blocked_after = Millis(0);
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(check()));
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->err_code, tinypb::kServiceNotFound);
}

}  // namespace
}  // namespace rocket::rpc
