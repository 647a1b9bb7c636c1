#include <string>

#include "grpc/server_fixture.h"

namespace rocket::grpc {
namespace {

using test::GrpcServerTest;
using test::H2Peer;

using GrpcHealth = GrpcServerTest;

const std::string kCheck = "/grpc.health.v1.Health/Check";
const std::string kWatch = "/grpc.health.v1.Health/Watch";
const std::string kServing = "\x08\x01";
const std::string kNotServing = "\x08\x02";
const std::string kUnknownService = "\x08\x03";

std::string asked(const std::string& service) {
  return service.empty() ? service : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
}

TEST_F(GrpcHealth, ChecksTheServerAndItsServices) {
  H2Peer peer(serve());
  const auto check = [&](const std::string& service) { return peer.wait(peer.call(kCheck, asked(service))); };
  EXPECT_EQ(check("").body(), kServing);
  EXPECT_EQ(check("Echo").body(), kServing);
  EXPECT_EQ(check("grpc.health.v1.Health").body(), kServing);
  EXPECT_EQ(check("Nobody").status(), static_cast<int>(rpc::Code::kNotFound));
  EXPECT_EQ(peer.wait(peer.call(kCheck, "\x0a\x7f")).status(), static_cast<int>(rpc::Code::kInvalidArgument));
  server_->health.set("Echo", false);
  EXPECT_EQ(check("Echo").body(), kNotServing);
  EXPECT_EQ(check("").body(), kServing);
}

TEST_F(GrpcHealth, IsNotServingWhileJavaScriptIsBlocked) {
  rpc::ServerOptions options;
  options.health_blocked_after = Millis(20);
  H2Peer peer(serve(options));
  peer.call(test::kEcho, "x");
  std::string body = kServing;
  // Nothing pumps the Inbox.
  for (int i = 0; i < 2000 && body == kServing; ++i) body = peer.wait(peer.call(kCheck, "")).body();
  EXPECT_EQ(body, kNotServing);
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(peer.call(kCheck, "")).body(), kServing);
}

TEST_F(GrpcHealth, ListsServices) {
  H2Peer peer(serve());
  EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/List", "")).body(),
            std::string("\x0a\x06\x0a\x00\x12\x02\x08\x01", 8) +
                "\x0a\x0a\x0a\x04"
                "Echo\x12\x02\x08\x01");
}

TEST_F(GrpcHealth, WatchTellsEachChange) {
  H2Peer peer(serve());
  const auto echo = peer.call(kWatch, asked("Echo"));
  const auto nobody = peer.call(kWatch, asked("Nobody"));
  const auto first = H2Peer::message(kServing);
  ASSERT_TRUE(
      peer.read_until([&] { return peer.of(echo).data.size() >= first.size() && !peer.of(nobody).data.empty(); }));
  EXPECT_EQ(peer.of(echo).data, first);
  EXPECT_EQ(peer.of(nobody).data, H2Peer::message(kUnknownService));
  server_->health.set("Echo", false);
  ASSERT_TRUE(peer.read_until([&] { return peer.of(echo).data.size() > first.size(); }));
  EXPECT_EQ(peer.of(echo).data, test::operator+(first, H2Peer::message(kNotServing)));
  peer.reset(echo);
  server_->close(Millis(20));
  EXPECT_EQ(peer.wait(nobody).status(), static_cast<int>(rpc::Code::kUnavailable));
  peer.read_to_end();
  ASSERT_TRUE(js_.pump_until([&] { return !js_.servers_closed.empty(); }));
}

TEST_F(GrpcHealth, AWatchKeepsNoLongName) {
  H2Peer peer(serve());
  const auto watch = [&](std::size_t bytes) {
    const std::string size{static_cast<char>(0x80 | (bytes & 0x7f)), static_cast<char>(bytes >> 7)};
    return peer.call(kWatch, "\x0a" + size + std::string(bytes, 'x'));
  };
  EXPECT_EQ(peer.wait(watch(1025)).status(), static_cast<int>(rpc::Code::kInvalidArgument));
  const auto most = watch(1024);
  ASSERT_TRUE(peer.read_until([&] { return !peer.of(most).data.empty(); }));
  EXPECT_EQ(peer.of(most).data, H2Peer::message(kUnknownService));
}

TEST_F(GrpcHealth, AConnectionHasSomeWatchesOnly) {
  H2Peer peer(serve());
  std::uint32_t first = 0;
  for (int i = 0; i < 100; ++i) {
    const auto watch = peer.call(kWatch, "");
    if (i == 0) first = watch;
    ASSERT_TRUE(peer.read_until([&] { return !peer.of(watch).data.empty(); }));
  }
  const auto refused = peer.wait(peer.call(kWatch, ""));
  EXPECT_EQ(refused.status(), static_cast<int>(rpc::Code::kResourceExhausted));
  EXPECT_NE(refused.message().find("100"), std::string::npos);
  peer.reset(first);
  const auto next = peer.call(kWatch, "");
  EXPECT_TRUE(peer.read_until([&] { return !peer.of(next).data.empty(); }));
}

TEST_F(GrpcHealth, AWatchHasTheDeadlineItAsksFor) {
  H2Peer peer(serve());
  EXPECT_EQ(peer.wait(peer.call(kWatch, "", {{"grpc-timeout", "30m"}})).status(),
            static_cast<int>(rpc::Code::kDeadlineExceeded));
}

TEST_F(GrpcHealth, IsNotThereWhereThereIsNoHealthService) {
  rpc::ServerOptions options;
  options.health_blocked_after = Millis(0);
  H2Peer peer(serve(options));
  EXPECT_EQ(peer.wait(peer.call(kCheck, "")).status(), static_cast<int>(rpc::Code::kUnimplemented));
}

}  // namespace
}  // namespace rocket::grpc
