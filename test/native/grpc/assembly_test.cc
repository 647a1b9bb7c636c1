#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "grpc/server_fixture.h"

namespace rocket::grpc {
namespace {

using rpc::MethodKind;
using test::Bytes;
using test::EventView;
using test::H2Peer;
using test::kEcho;

class GrpcAssembly : public test::GrpcServerTest {
 protected:
  static constexpr std::size_t kBound = 16 << 20;
  static rpc::ServerOptions bounded() {
    rpc::ServerOptions options;
    options.max_buffered_request_bytes = kBound;
    return options;
  }
  static constexpr std::size_t kMessage = 4 << 20;
  static constexpr std::size_t kStreams = 12;
  /// What may come past the bound is a window each, and blocks grow to twice of what has come.
  static constexpr auto kMost = static_cast<std::int64_t>(2 * (kBound + kStreams * 65'535) + kMessage);

  std::int64_t partial() const { return server_->gauges.partial_bytes.load(); }
  /// All that was sent has been taken once this is answered.
  static void settle(H2Peer& peer) { peer.wait(peer.call("/grpc.health.v1.Health/Check", "")); }

  void open_all(H2Peer& peer, std::size_t streams) {
    const auto bytes = H2Peer::message(std::string(kMessage, 'x'));
    for (std::size_t i = 0; i < streams; ++i) uploads_.push_back({peer.open(H2Peer::request(kEcho)), bytes.size()});
    bytes_ = bytes;
  }
  /// Sends what the windows of all unfinished streams let through; false: nothing.
  bool send_round(H2Peer& peer) {
    bool any = false;
    for (auto& upload : uploads_) {
      if (upload.left == 0) continue;
      const std::size_t part = std::min(peer.window(upload.stream), upload.left);
      if (part == 0) continue;
      any = true;
      const auto at = bytes_.size() - upload.left;
      upload.left -= part;
      peer.data(upload.stream, ByteSpan(bytes_).subspan(at, part), upload.left == 0);
    }
    settle(peer);
    return any;
  }
  std::size_t sent_whole() const {
    return static_cast<std::size_t>(
        std::count_if(uploads_.begin(), uploads_.end(), [](const auto& of) { return of.left == 0; }));
  }
  struct Upload {
    std::uint32_t stream;
    std::size_t left;
  };
  std::vector<Upload> uploads_;
  Bytes bytes_;
};

TEST_F(GrpcAssembly, HalfReceivedMessagesOfAConnectionAreBoundedAndOneAlwaysGetsOn) {
  H2Peer peer(serve(bounded()));
  js_.on_request = [&](const EventView& event) { js_.reply(event.id_low, event.id_high, {}); };
  open_all(peer, kStreams);
  std::int64_t most = 0;
  std::size_t ended = 0;
  while (send_round(peer)) {
    most = std::max(most, partial());
    ended = sent_whole();
    ASSERT_TRUE(pump_requests(ended));
  }
  EXPECT_EQ(ended, kStreams);
  EXPECT_GT(most, static_cast<std::int64_t>(kMessage));
  EXPECT_LE(most, kMost);
  for (const auto& upload : uploads_) EXPECT_EQ(peer.wait(upload.stream).status(), 0);
  EXPECT_EQ(partial(), 0);
}

TEST_F(GrpcAssembly, TheSameForRequestsThatStream) {
  H2Peer peer(serve(bounded(), MethodKind::kClientStream));
  std::size_t ended = 0;
  js_.on_stream = [&](const EventView& event) {
    if (event.kind == rpc::EventKind::kHalfClose) ++ended;
    if (event.kind == rpc::EventKind::kMessage) js_.taken(event.id_low, event.id_high, event.payload.size() + 5);
    if (event.kind == rpc::EventKind::kHalfClose) js_.reply(event.id_low, event.id_high, {});
  };
  js_.on_request = [](const EventView&) {};
  open_all(peer, kStreams);
  ASSERT_TRUE(pump_requests(kStreams));
  std::int64_t most = 0;
  while (send_round(peer)) {
    most = std::max(most, partial());
    ASSERT_TRUE(js_.pump_until([&] { return ended == sent_whole(); }));
  }
  EXPECT_LE(most, kMost);
  EXPECT_EQ(ended, kStreams);
  ASSERT_TRUE(js_.pump_until([&] { return server_->calls.in_flight() == 0; }));
  EXPECT_EQ(partial(), 0);
}

TEST_F(GrpcAssembly, AResetOfTheOneThatWaitedLongestLetsTheNextIn) {
  H2Peer peer(serve(bounded()));
  js_.on_request = [&](const EventView& event) { js_.reply(event.id_low, event.id_high, {}); };
  open_all(peer, kStreams);
  // Whoever gets on while the others are shut out is given up just before its end.
  std::size_t given_up = 0;
  while (given_up < kStreams) {
    bool any = false;
    for (auto& upload : uploads_) {
      const std::size_t part = std::min(peer.window(upload.stream), upload.left);
      if (part == 0) continue;
      any = true;
      if (part == upload.left) {
        upload.left = 0;
        peer.reset(upload.stream);
        ++given_up;
        continue;
      }
      peer.data(upload.stream, ByteSpan(bytes_).subspan(bytes_.size() - upload.left, part));
      upload.left -= part;
    }
    ASSERT_TRUE(any);
    settle(peer);
  }
  EXPECT_EQ(partial(), 0);
}

TEST_F(GrpcAssembly, SaysWhichLimitKeptARequestBack) {
  H2Peer peer(serve(bounded()));
  js_.on_request = [](const EventView&) {};
  open_all(peer, kStreams);
  while (partial() < static_cast<std::int64_t>(kBound / 2)) ASSERT_TRUE(send_round(peer));
  // All that came first are left as they are; the window of the next one stays shut.
  auto fields = H2Peer::request(kEcho);
  fields.emplace_back("grpc-timeout", "2S");
  const auto late = peer.open(fields);
  peer.data(late, ByteSpan(bytes_).first(65'535));
  const auto& reply = peer.wait(late);
  EXPECT_EQ(reply.status(), 4);
  EXPECT_NE(reply.message().find("(option maxBufferedRequestBytes)"), std::string::npos) << reply.message();
}

TEST_F(GrpcAssembly, AConnectionThatEndsLeavesNothingCounted) {
  const auto address = serve(bounded());
  for (const bool resets : {true, false}) {
    uploads_.clear();
    {
      H2Peer peer(address);
      open_all(peer, 4);
      send_round(peer);
      EXPECT_GT(partial(), 0);
      // Or only its sending side is closed: what is not whole will never be.
      if (resets) {
        peer.raw().reset();
      } else {
        ::shutdown(peer.raw().fd(), SHUT_WR);
        EXPECT_TRUE(test::eventually(js_.io_threads(1), [&] { return server_->gauges.open.load() == 0; }));
      }
    }
    // The connection is counted off first, its streams after it.
    EXPECT_TRUE(
        test::eventually(js_.io_threads(1), [&] { return server_->gauges.open.load() == 0 && partial() == 0; }));
  }
}

}  // namespace
}  // namespace rocket::grpc
