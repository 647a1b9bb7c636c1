// Servers that end connections, refuse streams, shut windows and die.
#include <set>

#include "grpc/client_fixture.h"
#include "support/held_thread.h"

namespace rocket::test {
namespace {

using rpc::Code;

void answer(H2Peer& peer, std::uint32_t stream) {
  peer.headers(stream, kHeaders);
  peer.data(stream, H2Peer::message("reply"));
  peer.trailers(stream, kOk);
}

class GrpcClientPeers : public GrpcClientTest {
 protected:
  /// Makes the call again as long as its server has certainly not handled it, as a channel does.
  bool pump_with_moves(std::int32_t endpoint, std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) pending_.insert(js_.call(endpoint, {.body = "hello"}));
    return js_.pump_until([&] {
      std::vector<std::size_t> ended;
      for (const auto call : pending_)
        if (js_.outcome(call).ended) ended.push_back(call);
      for (const auto call : ended) {
        pending_.erase(call);
        const auto& outcome = js_.outcome(call);
        const bool may_move = outcome.status.refused || (outcome.flags & rpc::event_flag::kRequestWritten) == 0;
        if (outcome.ok) {
          ++good_;
        } else if (may_move && outcome.status.code == Code::kUnavailable) {
          ++moved_;
          pending_.insert(js_.call(endpoint, {.body = "hello"}));
        } else {
          ++lost_;
        }
      }
      js_.flush();
      return pending_.empty();
    });
  }

  std::set<std::size_t> pending_;
  std::size_t good_ = 0;
  std::size_t moved_ = 0;
  std::size_t lost_ = 0;
};

TEST_F(GrpcClientPeers, MovesWhatGoawayLeavesOut) {
  constexpr std::size_t kConnections = 5;
  std::atomic<std::size_t> handled{0};
  std::atomic<std::size_t> connections{0};
  // Each connection serves ten calls; the last one all that are left.
  const auto address = script(
      [&](H2Peer& peer) {
        const bool last = ++connections == kConnections;
        std::uint32_t stream = 1;
        for (; last || stream < 20; stream += 2) {
          if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
          if (!last && stream == 9) peer.goaway(19);
          ++handled;
          answer(peer, stream);
        }
        peer.read_to_end();
      },
      kConnections);
  EXPECT_TRUE(pump_with_moves(connect(address), 100));
  js_.shut_down();
  EXPECT_EQ(good_, 100U);
  EXPECT_EQ(lost_, 0U);
  EXPECT_EQ(handled.load(), 100U);
}

/// No connection is proven by its age, and pauses are short.
rpc::ClientOptions unproven() {
  rpc::ClientOptions options;
  options.protocol = &grpc::kClientProtocol;
  options.keepalive.time = Millis{0};
  options.first_backoff = Millis{100'000};
  options.longest_backoff = Millis{1};
  return options;
}

TEST_F(GrpcClientPeers, LosesNoCallWhenServersLeaveBeforeTheirFirstReply) {
  constexpr std::size_t kConnections = 4;
  H2Peer::Options one_at_a_time;
  one_at_a_time.settings = H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, 1);
  // Or that says that something is wrong: so says another one, of what it has not begun with.
  const h2::ErrorCode codes[kConnections] = {h2::ErrorCode::kNoError, h2::ErrorCode::kEnhanceYourCalm,
                                             h2::ErrorCode::kInternalError, h2::ErrorCode::kNoError};
  std::size_t handled = 0;
  const auto address = script(
      [&](H2Peer& peer) {
        peer.read_until([&] { return peer.of(1).ended; });
        // As a server does whose connections live for a time: whoever waits for a stream goes on to the next one.
        peer.goaway(h2::kMaxStreamId);
        peer.goaway(1, codes[handled]);
        ++handled;
        answer(peer, 1);
        peer.read_to_end();
      },
      kConnections, one_at_a_time);
  const auto endpoint = connect(address, unproven());
  for (std::size_t i = 0; i < kConnections; ++i) js_.call(endpoint, {.body = "hello"});
  EXPECT_TRUE(pump_ended(kConnections));
  for (std::size_t i = 0; i < kConnections; ++i) EXPECT_TRUE(js_.outcome(i).ok) << js_.outcome(i).text;
  js_.shut_down();
  peer_.join();
  EXPECT_EQ(handled, kConnections);
}

TEST_F(GrpcClientPeers, GivesUpOnAServerThatOnlyLeaves) {
  H2Peer::Options none;
  none.settings = H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, 0);
  constexpr std::size_t kConnections = 6;  // it waits for all of them
  const auto address = script(
      [](H2Peer& peer) {
        peer.goaway(0);
        peer.read_to_end();
      },
      kConnections, none);
  const auto endpoint = connect(address, unproven());
  const auto call = js_.call(endpoint, {.body = "hello"});
  EXPECT_TRUE(pump_ended(1));
  EXPECT_EQ(js_.outcome(call).status.code, Code::kUnavailable);
  EXPECT_NE(js_.outcome(call).text.find("after GOAWAY NO_ERROR"), std::string::npos) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, GivesNoCallToAConnectionThatClosesInTheSameTurn) {
  const auto leave = std::make_shared<Signal>();
  const auto left = std::make_shared<Signal>();
  const auto address = script(
      [=](H2Peer& peer) {
        if (!peer.read_until([&] { return peer.of(1).ended; })) return;
        answer(peer, 1);
        leave->wait();
        peer.raw().close();
        left->set();
      },
      2);
  const auto endpoint = connect(address);
  js_.call(endpoint, {.body = "hello"});
  ASSERT_TRUE(pump_ended(1));
  // While the client's io thread is held up, the connection ends and a call comes. It then reads the end first.
  HeldThread held(*js_.io_threads(1).back());
  leave->set();
  ASSERT_TRUE(left->wait());
  const auto call = js_.call(endpoint, {.body = "hello"});
  js_.flush();
  held.go_on();
  ASSERT_TRUE(pump_ended(2));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, ACallThatHasWaitedForAStreamOutlivesAnIdleConnection) {
  H2Peer::Options options;
  options.settings = H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, 0);
  std::atomic<int> connections{0};
  const auto address = script(
      [&](H2Peer& peer) {
        if (++connections == 1) return peer.read_to_end();
        peer.frame(h2::FrameType::kSettings, 0, 0, H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, 1));
        if (peer.read_until([&] { return peer.of(1).ended; })) answer(peer, 1);
      },
      2, options);
  auto client = client_options();
  client.connection.idle_timeout = Millis{100};
  const auto endpoint = connect(address, client);
  const auto call = js_.call(endpoint, {.body = "hello"});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  EXPECT_EQ(connections.load(), 2);
}

TEST_F(GrpcClientPeers, WaitsForStreamsInOrder) {
  std::vector<std::string> order;
  H2Peer::Options options;
  options.settings = H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, 2);
  const auto address = script(
      [&](H2Peer& peer) {
        const auto most = [&](std::uint32_t count) {
          peer.frame(h2::FrameType::kSettings, 0, 0, H2Peer::setting(h2::SettingId::kMaxConcurrentStreams, count));
        };
        for (std::uint32_t stream = 1; stream <= 11; stream += 2) {
          if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
          order.push_back(peer.of(stream).body());
          // None for a while, then again.
          if (stream == 5) most(0);
          answer(peer, stream);
          if (stream == 7) most(1);
        }
        peer.read_to_end();
      },
      1, options);
  const auto endpoint = connect(address);
  for (const char* body : {"1", "2", "3", "4", "5", "6"}) js_.call(endpoint, {.body = body});
  EXPECT_TRUE(pump_ended(6));
  js_.shut_down();
  peer_.join();
  EXPECT_EQ(order, (std::vector<std::string>{"1", "2", "3", "4", "5", "6"}));
}

TEST_F(GrpcClientPeers, MovesEveryThirdStreamThatIsRefused) {
  std::size_t answered = 0;
  const auto address = script([&](H2Peer& peer) {
    for (std::uint32_t stream = 1;; stream += 2) {
      if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
      if ((stream / 2) % 3 == 2) {
        peer.reset(stream, h2::ErrorCode::kRefusedStream);
      } else {
        ++answered;
        answer(peer, stream);
      }
    }
  });
  EXPECT_TRUE(pump_with_moves(connect(address), 300));
  js_.shut_down();
  peer_.join();
  EXPECT_EQ(good_, 300U);
  EXPECT_EQ(lost_, 0U);
  EXPECT_EQ(answered, 300U);
  EXPECT_GT(moved_, 100U);
}

TEST_F(GrpcClientPeers, RepeatsNothingThatAServerMayHaveBegun) {
  const auto address = script([](H2Peer& peer) {
    peer.read_until([&] { return peer.of(1).ended; });
    answer(peer, 1);
    // Dies with 200 calls open.
    peer.read_until([&] { return peer.of(401).ended; });
    peer.raw().reset();
  });
  const auto endpoint = connect(address);
  EXPECT_TRUE(pump_with_moves(endpoint, 1));
  EXPECT_EQ(good_, 1U);
  EXPECT_TRUE(pump_with_moves(endpoint, 200));
  EXPECT_EQ(good_, 1U);
  EXPECT_EQ(moved_, 0U);
  EXPECT_EQ(lost_, 200U);
}

TEST_F(GrpcClientPeers, LosesItsConnectionWhileTheInboxIsFull) {
  constexpr std::size_t kCalls = 6000;
  ASSERT_GT(kCalls, rpc::Inbox::Limits().max_events);
  const auto address = script([](H2Peer& peer) {
    peer.read_until([&] { return peer.of(2 * kCalls - 1).ended; });
    peer.raw().reset();
  });
  const auto endpoint = connect(address);
  for (std::size_t i = 0; i < kCalls; ++i) js_.call(endpoint, {.body = "hello"});
  js_.flush();
  peer_.join();
  // All have ended before JavaScript takes one.
  while (channel_->calls.in_flight() > 0) std::this_thread::yield();
  EXPECT_TRUE(pump_ended(kCalls));
  for (std::size_t i = 0; i < kCalls; ++i) EXPECT_EQ(js_.outcome(i).status.code, Code::kUnavailable);
}

TEST_F(GrpcClientPeers, LetsUploadsWaitForASlowServer) {
  constexpr std::uint32_t kCalls = 8;
  const Bytes part(60'000, 'x');
  auto options = client_options();
  options.connection.max_write_queue_bytes = 2 * part.size();
  H2Peer::Options shut;
  shut.settings = H2Peer::setting(h2::SettingId::kInitialWindowSize, 0);
  const auto address = script(
      [&](H2Peer& peer) {
        peer.read_until([&] { return peer.of(1).ended; });
        answer(peer, 1);
        // Behind the others, which are in the client's queues then.
        const std::uint32_t last = 2 * kCalls + 1;
        peer.read_until([&] { return peer.of(last).has_headers; });
        peer.window_update(0, kCalls * part.size());
        for (std::uint32_t stream = 3; stream <= last; stream += 2) {
          peer.window_update(stream, 2 * part.size());
          peer.read_until([&] { return peer.of(stream).ended; });
          EXPECT_EQ(peer.of(stream).data.size(), part.size() + rpc::kMessageOverhead);
          answer(peer, stream);
        }
        peer.read_to_end();
      },
      1, shut);
  const auto endpoint = connect(address, options, rpc::MethodKind::kClientStream);
  std::vector<std::size_t> calls;
  // None of them waits for the connection.
  js_.request_end(js_.call(endpoint, {.open = true}));
  ASSERT_TRUE(pump_ended(1));
  for (std::uint32_t i = 0; i < kCalls; ++i) {
    calls.push_back(js_.call(endpoint, {.open = true}));
    js_.request_message(calls.back(), part);
    js_.request_end(calls.back());
  }
  EXPECT_TRUE(pump_ended(1 + kCalls));
  for (const auto call : calls) EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, SendsNothingIntoAShutWindow) {
  H2Peer::Options options;
  options.settings = H2Peer::setting(h2::SettingId::kInitialWindowSize, 0);
  const auto address = script(
      [&](H2Peer& peer) {
        peer.read_until([&] { return peer.of(1).has_headers; });
        EXPECT_TRUE(peer.of(1).data.empty());
        peer.window_update(1, 4);
        peer.read_until([&] { return peer.of(1).data.size() == 4; });
        peer.window_update(1, 100);
        peer.read_until([&] { return peer.of(1).ended; });
        EXPECT_EQ(peer.of(1).data, H2Peer::message("hello"));
        answer(peer, 1);
        peer.read_to_end();
      },
      1, options);
  const auto call = js_.call(connect(address), {.body = "hello"});
  EXPECT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, ClosesAConnectionWhosePingIsNotAnswered) {
  auto options = client_options();
  options.keepalive = {Millis{20}, Millis{20}};
  H2Peer::Options silent;
  silent.answers_pings = false;
  const auto address = script([&](H2Peer& peer) { peer.read_to_end(); }, 1, silent);
  const auto call = js_.call(connect(address, options), {.body = "hello"});
  EXPECT_TRUE(pump_ended(1));
  EXPECT_EQ(js_.outcome(call).status.code, Code::kUnavailable);
  EXPECT_NE(js_.outcome(call).text.find("keepaliveTimeMs"), std::string::npos) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, KeepsAConnectionWhosePingsAreAnswered) {
  auto options = client_options();
  options.keepalive = {Millis{5}, Millis{5000}};
  const auto address = script([&](H2Peer& peer) {
    peer.read_until([&] { return peer.pings.size() >= 5; });
    answer(peer, 1);
    peer.read_to_end();
  });
  const auto call = js_.call(connect(address, options), {.body = "hello"});
  EXPECT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
}

TEST_F(GrpcClientPeers, SaysWhatAnswersInPlaceOfHttp2) {
  const std::pair<std::string_view, std::string_view> others[] = {{"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1"},
                                                                  {{"\x02\0\0\0\x20\0\0\0\x14", 9}, "TinyPB"}};
  std::size_t ended = 0;
  for (const auto& [greeting, name] : others) {
    const RawListener listener;
    peer_ = std::jthread([&listener, greeting = greeting] {
      RawPeer peer = listener.accept();
      peer.send(as_bytes(greeting));
      peer.read_to_end();
    });
    const auto endpoint = connect(listener.address);
    const auto call = js_.call(endpoint, {.body = "hello"});
    ASSERT_TRUE(pump_ended(++ended));
    EXPECT_EQ(js_.outcome(call).status.code, Code::kUnavailable);
    EXPECT_EQ(js_.outcome(call).flags & rpc::event_flag::kRequestWritten, 0);
    EXPECT_NE(js_.outcome(call).text.find(name), std::string::npos) << js_.outcome(call).text;
    js_.close_endpoint(endpoint);
    ASSERT_TRUE(js_.pump_until([&] { return js_.endpoints_closed[endpoint] == 1; }));
    peer_.join();
  }
}

}  // namespace
}  // namespace rocket::test
