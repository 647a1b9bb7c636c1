#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "support/js_side.h"
#include "support/on_io.h"
#include "support/raw_listener.h"
#include "tinypb/protocol.h"
#include "tinypb/take_frames.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {
namespace {

using test::Bytes;
using test::eventually;
using test::JsSide;
using test::make_frame;
using test::RawListener;
using test::RawPeer;

constexpr std::size_t kLimit = 1000;

rpc::ServerOptions with_limit(std::size_t bytes = kLimit) {
  rpc::ServerOptions options;
  options.connection.max_frame_bytes = bytes;
  return options;
}

std::uint64_t too_long(const rpc::Server& server) {
  return server.rejected(kProtocol, static_cast<std::size_t>(DecodeError::kFrameTooLong) - 1);
}

Bytes with_length(Bytes frame, std::uint32_t length) {
  store_be32(frame.data() + 1, length);
  return frame;
}

// Frames over and under the limit, in pieces of every size: each is answered, and none disturbs another.
TEST(Oversized, ARequestIsRefusedAloneWhateverItsPieces) {
  std::mt19937 random(27);
  for (const std::size_t longest_piece : {1U, 7U, 100U, 5000U, 200'000U}) {
    SCOPED_TRACE(longest_piece);
    JsSide js;
    const auto server = js.add_server(with_limit());
    RawPeer peer(js.listen(*server));
    constexpr std::size_t kFrames = 60;
    std::vector<bool> fits;
    Bytes stream;
    for (std::size_t i = 0; i < kFrames; ++i) {
      const auto id = std::to_string(i) + std::string(random() % 3 == 0 ? random() % 700 : 0, 'i');
      const std::size_t most = longest_piece == 1 ? 2000 : 300'000;
      const auto frame = make_frame({id, "Echo.echo", 0, ""}, Bytes(random() % 2 == 0 ? random() % most : 10, 2));
      fits.push_back(frame.size() <= kLimit);
      stream.insert(stream.end(), frame.begin(), frame.end());
    }
    std::thread sender([&] {
      for (ByteSpan rest(stream); !rest.empty();) {
        const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % longest_piece));
        ASSERT_TRUE(peer.send(piece));
        rest = rest.subspan(piece.size());
      }
    });
    std::size_t answered = 0;
    std::thread reader([&] {
      for (std::size_t i = 0; i < kFrames; ++i) {
        const auto reply = peer.read_frame();
        ASSERT_TRUE(reply) << i;
        const std::size_t which = std::stoul(reply->msg_id);
        EXPECT_EQ(reply->err_code, fits[which] ? kOk : kResourceExhausted);
        if (!fits[which]) {
          EXPECT_NE(reply->err_info.find("maxFrameBytes"), std::string::npos) << reply->err_info;
        }
        ++answered;
      }
    });
    const auto fitting = static_cast<std::size_t>(std::count(fits.begin(), fits.end(), true));
    EXPECT_TRUE(js.pump_until([&] { return js.requests == fitting; }));
    sender.join();
    reader.join();
    EXPECT_EQ(answered, kFrames);
    EXPECT_EQ(js.requests, fitting);
    EXPECT_EQ(too_long(*server), kFrames - fitting);
    EXPECT_EQ(server->counters.connections_total.load(), 1U);
    EXPECT_EQ(server->gauges.open.load(), 1);
    EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.partial_bytes.load() == 0; }));
  }
}

TEST(Oversized, NothingIsBufferedOfAFrameThatIsSkipped) {
  JsSide js;
  const auto server = js.add_server();
  RawPeer peer(js.listen(*server));
  const Bytes piece(1 << 20, 9);
  const auto begin = with_length(make_frame({"1", "Echo.echo", 0, ""}, {}), 200 << 20);
  ASSERT_TRUE(peer.send(ByteSpan(begin).first(begin.size() - 5)));
  std::size_t left = (200U << 20) - (begin.size() - 5);
  std::int64_t most = 0;
  while (left > 0) {
    ASSERT_TRUE(peer.send(ByteSpan(piece).first(std::min(left, piece.size()))));
    left -= std::min(left, piece.size());
    most = std::max(most, server->gauges.partial_bytes.load());
  }
  EXPECT_LE(most, 4096);
  const auto refusal = peer.read_frame();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->err_code, kResourceExhausted);
  ASSERT_TRUE(peer.send(make_frame({"2", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  EXPECT_EQ(peer.read_frame()->msg_id, "2");
}

TEST(Oversized, LengthsThatLieCloseTheConnection) {
  JsSide js;
  const auto server = js.add_server(with_limit());
  const auto address = js.listen(*server);
  const auto whole = make_frame({"12345678", "Echo.echo", 0, ""}, Bytes(5000, 1));
  auto lying = [&](std::size_t at, std::uint32_t length) {
    Bytes frame = whole;
    store_be32(frame.data() + at, length);
    return frame;
  };
  const std::vector<Bytes> hostile = {
      with_length(whole, 0x7fffffff), with_length(whole, kLimit + kMostOverLimit + 1),
      with_length(whole, 0x80000000), lying(5, 0xffffffff),
      lying(5, 0x7fffffff),           lying(5, 4097),
      lying(17, 0xffffffff),          lying(17, 5016),
      lying(17, 0x80000000),
  };
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    SCOPED_TRACE(i);
    RawPeer peer(address);
    peer.send(hostile[i]);
    EXPECT_TRUE(peer.read_to_end());
  }
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 0; }));
  EXPECT_EQ(server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kBadInput)].load(),
            hostile.size());
  EXPECT_EQ(js.requests, 0U);
}

TEST(Oversized, OneThatStopsIsClosedAtTheFrameTimeout) {
  JsSide js;
  auto options = with_limit();
  options.connection.frame_timeout = Millis(60);
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  const auto whole = make_frame({"1", "Echo.echo", 0, ""}, Bytes(50'000, 1));
  std::uint64_t closed = 0;
  for (const std::size_t sent : {5U, 9U, 20U, 26U, 4000U, 49'000U}) {
    RawPeer peer(address);
    ASSERT_TRUE(peer.send(ByteSpan(whole).first(sent)));
    EXPECT_TRUE(peer.read_to_end());
    ++closed;
    const auto reason = static_cast<std::size_t>(io::CloseReason::kFrameTimeout);
    EXPECT_TRUE(eventually(js.io_threads(1), [&] {
      return server->counters.connections_closed[reason].load() == closed;
    })) << sent;
  }
}

TEST(Oversized, ThousandsFromAPeerThatReadsNothingStopTheReading) {
  JsSide js;
  auto options = with_limit();
  options.connection.max_write_queue_bytes = 64 * 1024;
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server), 4096);
  const auto frame = make_frame({"1", "Echo.echo", 0, ""}, Bytes(kLimit, 1));
  ::fcntl(peer.fd(), F_SETFL, O_NONBLOCK);
  std::int64_t most = 0;
  std::size_t sent = 0;
  for (; sent < 200'000; ++sent) {
    if (::send(peer.fd(), frame.data(), frame.size(), MSG_NOSIGNAL) < static_cast<ssize_t>(frame.size())) break;
    most = std::max(most, server->gauges.queued_bytes.load());
  }
  EXPECT_LT(sent, 200'000U) << "the server goes on reading";
  EXPECT_LE(most, 2 * 64 * 1024);
}

TEST(Oversized, AReplyFailsItsCallAlone) {
  JsSide js;
  const RawListener listener;
  rpc::ClientOptions options;
  options.connection.max_frame_bytes = kLimit;
  options.peer_is_rocket_rpc = true;
  const auto channel = js.add_channel(options);
  const auto endpoint = js.add_endpoint(channel, listener.address);
  const auto large = js.call(endpoint, {.body = "1"});
  const auto small = js.call(endpoint, {.body = "2"});
  js.flush();
  RawPeer server = listener.accept();
  const auto next_request = [&server] {
    auto frame = server.read_frame();
    while (frame && frame->method != "Echo.echo") frame = server.read_frame();  // health checks
    return frame;
  };
  for (int i = 0; i < 2; ++i) {
    const auto request = next_request();
    ASSERT_TRUE(request);
    const bool is_large = as_text(request->body) == "1";
    ASSERT_TRUE(server.send(make_frame({request->msg_id, "Echo.echo", 0, ""}, Bytes(is_large ? 300'000 : 10, 3))));
  }
  // One that nobody waits for, and another that follows it.
  ASSERT_TRUE(server.send(make_frame({"nobody", "Echo.echo", 0, ""}, Bytes(2000, 3))));
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(large).ended && js.outcome(small).ended; }));
  EXPECT_TRUE(js.outcome(small).ok);
  EXPECT_EQ(js.outcome(large).code, kResourceExhausted);
  EXPECT_NE(js.outcome(large).text.find("maxFrameBytes"), std::string::npos) << js.outcome(large).text;
  EXPECT_NE(js.outcome(large).flags & rpc::event_flag::kRequestWritten, 0)
      << "it has been handled: not to be made again";
  const auto next = js.call(endpoint, {.body = "3"});
  js.flush();
  const auto request = next_request();
  ASSERT_TRUE(request);
  ASSERT_TRUE(server.send(make_frame({request->msg_id, "Echo.echo", 0, ""}, as_bytes("y"))));
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(next).ended; }));
  EXPECT_TRUE(js.outcome(next).ok);
  EXPECT_EQ(channel->counters.connects.load(), 1U);
  EXPECT_EQ(channel->counters.frames_rejected.load(), 2U);
  EXPECT_EQ(channel->counters.late_replies.load(), 1U);
}

}  // namespace
}  // namespace rocket::tinypb
