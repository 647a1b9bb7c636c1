// Replies that JavaScript's thread sends by itself (grpc/direct_replies.h).
#include <algorithm>
#include <chrono>
#include <thread>

#include "grpc/server_fixture.h"

namespace rocket::test {
namespace {

class GrpcDirectReplies : public GrpcServerTest {
 protected:
  /// Without WINDOW_UPDATEs, each of which would wait for an acknowledgement of TCP.
  static H2Peer::Options plain() { return {.settings = {}, .gives_windows = false}; }
  H2Peer::Reply call(H2Peer& peer, std::string_view body) {
    const auto stream = peer.call(kEcho, body);
    EXPECT_TRUE(pump_requests(js_.requests + 1));
    return peer.wait(stream);
  }
  /// One call after the other, until replies are sent directly; or 200 of them.
  void warm_up(H2Peer& peer) {
    for (int i = 0; i < 200 && direct() < 20; ++i) ASSERT_EQ(call(peer, "warm").body(), "warm");
  }
  std::uint64_t direct() { return js_.outbox().stats().direct_sends; }
  /// The next request is not answered until answer_held().
  void hold_next() {
    js_.on_request = [this](const EventView& event) {
      held_ = {event.id_low, event.id_high};
      js_.on_request = nullptr;
    };
  }
  void answer_held(std::string_view body) {
    js_.reply(held_.first, held_.second, as_bytes(body));
    js_.flush();
  }
  /// What was written before has been read by the server.
  void round_trip(H2Peer& peer) { EXPECT_EQ(peer.wait(peer.call("/Echo/none", "x")).status(), 12); }

  std::pair<std::uint32_t, std::uint32_t> held_;
};

TEST_F(GrpcDirectReplies, OfCallsThatComeOneAtATime) {
  H2Peer peer(serve(), plain());
  for (int i = 0; i < 500; ++i) {
    const std::string body(static_cast<std::size_t>(i), 'x');
    const auto reply = call(peer, body);
    ASSERT_EQ(reply.status(), 0) << reply.message();
    ASSERT_EQ(reply.body(), body);
    ASSERT_FALSE(reply.reset);
  }
  EXPECT_GT(direct(), 250U);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcDirectReplies, EndTheirStreamBeforeTheNextIsRead) {
  rpc::ServerOptions options;
  options.max_concurrent_streams = 1;
  H2Peer peer(serve(options), plain());
  for (int i = 0; i < 500; ++i) {
    const auto reply = call(peer, "x");
    ASSERT_FALSE(reply.reset) << "call " << i;
    ASSERT_EQ(reply.body(), "x");
  }
  EXPECT_GT(direct(), 250U);
}

TEST_F(GrpcDirectReplies, EndTheirStreamForAPeerThatIsFaster) {
  rpc::ServerOptions options;
  options.max_concurrent_streams = 1;
  const auto address = serve(options);
  constexpr std::size_t kCalls = 5000;
  std::thread peer([&] {
    H2Peer h2(address, plain());
    for (std::size_t i = 0; i < kCalls; ++i) {
      const auto reply = h2.wait(h2.call(kEcho, "x"));
      if (!reply.reset && reply.body() == "x") continue;
      ADD_FAILURE() << "call " << i << (reply.reset ? " was reset" : " has another reply");
      break;
    }
  });
  EXPECT_TRUE(pump_requests(kCalls));
  peer.join();
  EXPECT_GT(direct(), kCalls / 4);
}

TEST_F(GrpcDirectReplies, StayInsideTheWindowOfTheConnection) {
  auto options = plain();
  options.connection_window = 0;
  H2Peer peer(serve(), options);
  const std::string body(900, 'x');
  const std::size_t message = body.size() + 5;
  std::size_t got = 0;
  for (; got + message <= h2::kDefaultWindow; got += message) ASSERT_EQ(call(peer, body).body(), body);
  EXPECT_GT(direct(), 20U);
  const auto stream = peer.call(kEcho, body);
  ASSERT_TRUE(pump_requests(js_.requests + 1));
  round_trip(peer);
  EXPECT_LE(got + peer.of(stream).data.size(), std::size_t{h2::kDefaultWindow});
  EXPECT_FALSE(peer.of(stream).ended);
  peer.window_update(0, 1000);
  EXPECT_EQ(peer.wait(stream).body(), body);
}

TEST_F(GrpcDirectReplies, NeedAWindowOfTheirStream) {
  auto options = plain();
  options.settings = H2Peer::setting(h2::SettingId::kInitialWindowSize, 1023);
  H2Peer peer(serve(), options);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call(peer, "small").body(), "small");
  EXPECT_EQ(direct(), 0U);
}

TEST_F(GrpcDirectReplies, AreNotSentOverWindowsThatWereLowered) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  const auto before = direct();
  hold_next();
  const auto stream = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(js_.requests + 1));
  peer.frame(h2::FrameType::kSettings, 0, 0, H2Peer::setting(h2::SettingId::kInitialWindowSize, 10));
  round_trip(peer);
  const std::string body(100, 'y');
  answer_held(body);
  round_trip(peer);
  EXPECT_LE(peer.of(stream).data.size(), 10U);
  peer.window_update(stream, 200);
  EXPECT_EQ(peer.wait(stream).body(), body);
  EXPECT_EQ(direct(), before);
}

TEST_F(GrpcDirectReplies, LeaveTheChangeOfTheTableToTheSession) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  const auto before = direct();
  hold_next();
  const auto stream = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(js_.requests + 1));
  peer.frame(h2::FrameType::kSettings, 0, 0, H2Peer::setting(h2::SettingId::kHeaderTableSize, 0));
  round_trip(peer);
  answer_held("y");
  EXPECT_EQ(peer.wait(stream).body(), "y");
  EXPECT_EQ(direct(), before);
}

TEST_F(GrpcDirectReplies, ComeBehindHeadersThatWereSentBefore) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  hold_next();
  const auto stream = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(js_.requests + 1));
  js_.headers(held_.first, held_.second, std::string_view("\0early\0yes\0", 11));
  js_.flush();
  answer_held("y");
  const auto reply = peer.wait(stream);
  EXPECT_EQ(reply.body(), "y");
  EXPECT_EQ(reply.status(), 0);
}

TEST_F(GrpcDirectReplies, WithMetadataAreTheSessions) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  const auto before = direct();
  for (int i = 0; i < 40; ++i) {
    hold_next();
    const auto stream = peer.call(kEcho, "x");
    ASSERT_TRUE(pump_requests(js_.requests + 1));
    if (i % 2 == 0) {
      js_.reply_with(held_.first, held_.second, as_bytes("y"), {}, std::string_view("\0late\0yes\0", 10));
    } else {
      js_.fail_with(held_.first, held_.second, {rpc::Code::kNotFound}, "nothing there");
    }
    js_.flush();
    const auto reply = peer.wait(stream);
    EXPECT_EQ(reply.status(), i % 2 == 0 ? 0 : 5);
    EXPECT_EQ(reply.message(), i % 2 == 0 ? "" : "nothing there");
  }
  EXPECT_EQ(direct(), before);
}

TEST_F(GrpcDirectReplies, LetAServerDrainAtOnce) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  ASSERT_EQ(call(peer, "last").body(), "last");
  const auto begun = std::chrono::steady_clock::now();
  constexpr Millis kDrain{8000};
  server_->close(kDrain);
  peer.read_to_end();
  ASSERT_TRUE(js_.pump_until([&] { return js_.servers_closed[js_.number_of(*server_)] > 0; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kDrain / 2);
}

TEST_F(GrpcDirectReplies, OfCallsThatAreCancelledMeanwhile) {
  H2Peer peer(serve(), plain());
  warm_up(peer);
  const auto before = direct();
  const std::string body(800, 'z');
  for (int i = 0; i < 600; ++i) {
    const auto stream = peer.call(kEcho, body);
    if (i % 3 == 0) {
      peer.reset(stream);
      // The reset may come first: then JavaScript never hears of the call, or hears that it is over.
      round_trip(peer);
      ASSERT_TRUE(pump_requests(server_->calls.begun()));
    } else {
      ASSERT_TRUE(pump_requests(js_.requests + 1));
      ASSERT_EQ(peer.wait(stream).body(), body) << i;
    }
  }
  EXPECT_GE(direct(), before);
  // Nothing of the windows was lost on the way: 200 KiB pass, and nobody waits.
  for (int i = 0; i < 256; ++i) ASSERT_EQ(call(peer, body).body(), body);
  EXPECT_TRUE(all_ended());
}

}  // namespace
}  // namespace rocket::test
