// How a connection ends by age, without calls, or because its peer is gone. JavaScript is blocked wherever it is not
// pumped.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "grpc/server_fixture.h"

namespace rocket::grpc {
namespace {

using rpc::Code;
using test::Bytes;
using test::eventually;
using test::EventView;
using test::H2Peer;
using test::kEcho;

int number(Code code) { return static_cast<int>(code); }

class GrpcConnectionEnd : public test::GrpcServerTest {
 protected:
  /// Whether so many connections have ended for that reason.
  bool closed(io::CloseReason reason, std::uint64_t count = 1) {
    return eventually(js_.io_threads(1), [&, count] {
      return server_->counters.connections_closed[static_cast<std::size_t>(reason)].load() == count;
    });
  }
  /// A call that JavaScript has, and does not answer until answer().
  std::uint32_t held_call(H2Peer& peer) {
    js_.on_request = [this](const EventView& event) {
      low_ = event.id_low;
      high_ = event.id_high;
    };
    const auto stream = peer.call(kEcho, "x");
    EXPECT_TRUE(pump_requests(js_.requests + 1));
    return stream;
  }
  void answer() {
    js_.reply(low_, high_, as_bytes("done"));
    js_.flush();
  }

 private:
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0;
};

rpc::ServerOptions aging(std::int64_t age_ms) {
  rpc::ServerOptions options;
  options.max_connection_age = Millis(age_ms);
  return options;
}

TEST_F(GrpcConnectionEnd, AnOldConnectionIsToldTwiceAndItsCallsFinish) {
  H2Peer peer(serve(aging(20)));
  const auto stream = held_call(peer);
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  EXPECT_EQ(peer.goaways[0].code, h2::ErrorCode::kNoError);
  EXPECT_EQ(peer.goaways[0].last_stream, h2::kMaxStreamId);
  EXPECT_EQ(peer.goaways[1].last_stream, stream);
  answer();
  EXPECT_EQ(peer.wait(stream).body(), "done");
  peer.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kMaxAge));
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcConnectionEnd, CallsBetweenTheTwoAreServed) {
  H2Peer peer(serve(aging(20)), {.answers_pings = false});
  js_.on_request = nullptr;
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 1; }));
  const auto late = peer.call(kEcho, "late");
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(late).body(), "late");
  ASSERT_TRUE(peer.read_until([&] { return !peer.pings.empty(); }));
  peer.frame(h2::FrameType::kPing, h2::kAck, 0, peer.pings.front());
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  EXPECT_EQ(peer.goaways[1].last_stream, late);
  // What comes behind the second one was not started, as that has said.
  peer.call(kEcho, "too late");
  peer.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kMaxAge));
  EXPECT_EQ(server_->calls.begun(), 1U);
}

TEST_F(GrpcConnectionEnd, APeerThatTakesNoNoticeLosesItsConnection) {
  auto options = aging(20);
  options.keepalive_timeout = Millis(30);
  H2Peer peer(serve(options), {.answers_pings = false});
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  peer.read_to_end();
  EXPECT_TRUE(closed(io::CloseReason::kMaxAge));
}

/// Nothing else may come on the connection until it is whole, so its calls cannot be waited for either.
TEST_F(GrpcConnectionEnd, AHeaderBlockThatIsNeverWholeIsAFrameThatIsNot) {
  rpc::ServerOptions options;
  options.connection.frame_timeout = Millis(50);
  H2Peer peer(serve(options));
  held_call(peer);
  ASSERT_TRUE(peer.settle());  // or its acknowledgement of SETTINGS would come in between
  peer.frame(h2::FrameType::kHeaders, 0, 3, test::hex("83"));
  peer.frame(h2::FrameType::kContinuation, 0, 3, test::hex("86"));
  peer.read_to_end();
  EXPECT_TRUE(closed(io::CloseReason::kFrameTimeout));
}

TEST_F(GrpcConnectionEnd, CallsThatOutliveTheGraceAreUnavailable) {
  auto options = aging(20);
  options.max_connection_age_grace = Millis(30);
  H2Peer peer(serve(options));
  const auto stream = held_call(peer);
  std::int32_t code = 0;
  js_.on_abort = [&](const EventView& event) {
    code = event.code;
    js_.end(event.id_low, event.id_high);
  };
  const auto reply = peer.wait(stream);
  EXPECT_EQ(reply.status(), number(Code::kUnavailable));
  EXPECT_NE(reply.message().find("maxConnectionAgeGraceMs"), std::string::npos);
  peer.read_to_end();  // which takes no notice
  EXPECT_TRUE(closed(io::CloseReason::kMaxAge));
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_NE(code, 0);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcConnectionEnd, AgesDiffer) {
  const auto address = serve(aging(500));
  const auto opened = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<H2Peer>> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(std::make_unique<H2Peer>(address));
  for (const auto& peer : peers) ASSERT_TRUE(peer->read_until([&] { return !peer->goaways.empty(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - opened, std::chrono::milliseconds(449));
  std::vector<SteadyMs> ages;
  rpc::Lane& lane = js_.engine().lane(0);
  test::on_io(lane.io, [&] {
    rpc::ServerShard shard(*server_, lane);
    for (int i = 0; i < 200; ++i) ages.push_back(shard.jittered(Millis(1000)).count());
  });
  const auto [least, most] = std::minmax_element(ages.begin(), ages.end());
  EXPECT_GE(*least, 900);
  EXPECT_LT(*least, 950);
  EXPECT_LE(*most, 1100);
  EXPECT_GT(*most, 1050);
}

TEST_F(GrpcConnectionEnd, AConnectionWithoutCallsIsToldToo) {
  rpc::ServerOptions options;
  options.max_connection_idle = Millis(40);
  const auto address = serve(options);
  H2Peer busy(address);
  const auto stream = held_call(busy);
  H2Peer idle(address);
  ASSERT_TRUE(idle.read_until([&] { return idle.goaways.size() == 2; }));
  idle.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kIdleTimeout));
  answer();
  EXPECT_EQ(busy.wait(stream).body(), "done");
  EXPECT_TRUE(busy.goaways.empty());
  ASSERT_TRUE(busy.read_until([&] { return busy.goaways.size() == 2; }));
  EXPECT_EQ(busy.goaways[1].last_stream, stream);
  busy.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kIdleTimeout, 2));
}

TEST_F(GrpcConnectionEnd, PingsDoNotMakeAConnectionBusy) {
  rpc::ServerOptions options;
  options.max_connection_idle = Millis(60);
  options.keepalive_time = Millis(10);
  H2Peer peer(serve(options));
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  EXPECT_GT(peer.pings.size(), 1U);
}

TEST_F(GrpcConnectionEnd, SilenceEndsAConnectionInTheSameWay) {
  rpc::ServerOptions options;
  options.connection.idle_timeout = Millis(60);
  H2Peer peer(serve(options));
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  EXPECT_EQ(peer.goaways[0].last_stream, h2::kMaxStreamId);
  peer.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kIdleTimeout));
  // One that says nothing at all is closed in the end.
  H2Peer dead(js_.listen(*server_), {.answers_pings = false});
  dead.read_to_end();
  EXPECT_TRUE(closed(io::CloseReason::kIdleTimeout, 2));
}

TEST_F(GrpcConnectionEnd, KeepaliveFindsAPeerThatIsGone) {
  rpc::ServerOptions options;
  options.keepalive_time = Millis(20);
  options.keepalive_timeout = Millis(100);
  const auto address = serve(options);
  H2Peer gone(address, {.answers_pings = false});
  held_call(gone);
  js_.on_abort = [&](const EventView& event) { js_.end(event.id_low, event.id_high); };
  H2Peer there(address);
  // The one that answers is there for longer than the one that does not.
  ASSERT_TRUE(there.read_until([&] {
    return there.pings.size() > 3 &&
           server_->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kSilent)].load() == 1;
  }));
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_TRUE(all_ended());
  EXPECT_EQ(server_->gauges.open.load(), 1);
}

TEST_F(GrpcConnectionEnd, AFloodOfPingsIsTold) {
  const auto flood = [](H2Peer& peer, int count) {
    peer.hold();
    for (int i = 0; i < count; ++i) peer.frame(h2::FrameType::kPing, 0, 0, as_bytes("12345678"));
    peer.send();
  };
  H2Peer strict(serve());
  flood(strict, 4);
  strict.read_to_end();
  ASSERT_EQ(strict.goaways.size(), 1U);
  EXPECT_EQ(strict.goaways[0].code, h2::ErrorCode::kEnhanceYourCalm);

  rpc::ServerOptions options;
  options.min_ping_interval = Millis(0);
  H2Peer lenient(serve(options));
  flood(lenient, 900);
  const auto alive = lenient.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(lenient.wait(alive).status(), 0);

  options.min_ping_interval = Millis(1);
  options.permits_idle_pings = true;
  options.keepalive_time = Millis(5);  // each is a sign that time has passed
  H2Peer permitted(serve(options));
  for (std::size_t i = 0; i < 10; ++i) {
    permitted.hold();  // the answer leaves together with the PING
    ASSERT_TRUE(permitted.read_until([&] { return permitted.pings.size() > i; }));
    flood(permitted, 1);
  }
  EXPECT_EQ(permitted.wait(permitted.call("/grpc.health.v1.Health/Check", "")).status(), 0);
}

// What a peer has sent meanwhile is not read, and the connection lives on for a while, so that the peer can read why.
TEST_F(GrpcConnectionEnd, CallsOfABrokenConnectionAreCancelledAtOnce) {
  const auto address = serve();
  H2Peer peer(address);
  held_call(peer);
  js_.on_abort = [&](const EventView& event) { js_.end(event.id_low, event.id_high); };
  peer.hold();
  peer.frame(h2::FrameType::kPushPromise, 0, 1, {});
  for (int i = 0; i < 200; ++i) peer.frame(h2::FrameType::kPing, 0, 0, as_bytes("12345678"));
  peer.send();
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_TRUE(all_ended());
  peer.read_to_end();
  ASSERT_EQ(peer.goaways.size(), 1U);
  EXPECT_EQ(peer.goaways[0].code, h2::ErrorCode::kProtocolError);
  peer.raw().close();
  EXPECT_TRUE(closed(io::CloseReason::kBadInput));
  // One that does not close loses it in the end.
  H2Peer stays(address);
  stays.frame(h2::FrameType::kPushPromise, 0, 1, {});
  stays.read_to_end();
  EXPECT_TRUE(closed(io::CloseReason::kBadInput, 2));
}

TEST_F(GrpcConnectionEnd, StreamsAreBoundedAsTheOptionSays) {
  rpc::ServerOptions options;
  options.max_concurrent_streams = 1;
  H2Peer peer(serve(options));
  const auto stream = held_call(peer);
  EXPECT_EQ(peer.wait(peer.call(kEcho, "y")).reset, h2::ErrorCode::kRefusedStream);
  answer();
  EXPECT_EQ(peer.wait(stream).body(), "done");
}

}  // namespace
}  // namespace rocket::grpc
