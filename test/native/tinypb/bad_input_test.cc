#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "support/js_side.h"
#include "support/on_io.h"
#include "support/vectors.h"
#include "tinypb/protocol.h"
#include "tinypb/take_frames.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {
namespace {

using test::Bytes;
using test::eventually;
using test::golden_vectors;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

/// Only a little too long: refused alone (oversized_test.cc).
bool is_oversized(const test::Vector& vector) {
  return vector.reason == "frame_too_long" && load_be32(vector.frame.data() + 1) <= kMostOverLimit;
}

TEST(BadInput, ClosesThatConnectionOnly) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  RawPeer good(address);
  std::size_t malformed = 0;
  for (const auto& vector : golden_vectors()) {
    if (!vector.malformed() || is_oversized(vector)) continue;
    SCOPED_TRACE(vector.name);
    ++malformed;
    RawPeer bad(address);
    ASSERT_TRUE(bad.send(vector.frame));
    EXPECT_TRUE(bad.read_to_end());
    ASSERT_TRUE(good.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
    const auto before = js.requests;
    ASSERT_TRUE(js.pump_until([&] { return js.requests > before; }));
    const auto reply = good.read_frame();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->err_code, 0);
  }
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < kProtocol.rejections.size(); ++i) counted += server->rejected(kProtocol, i);
  EXPECT_EQ(counted, malformed);
  EXPECT_EQ(server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kBadInput)].load(),
            malformed);
  EXPECT_EQ(js.requests, malformed) << "no malformed frame became a request";
  EXPECT_EQ(js.log_lines.size() + server->counters.log_lines_dropped.load(), malformed);
}

TEST(BadInput, IsCountedByReason) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  for (const auto& vector : golden_vectors()) {
    if (!vector.malformed() || is_oversized(vector)) continue;
    SCOPED_TRACE(vector.name);
    std::size_t reason = 0;
    while (vector.reason != name_of(static_cast<DecodeError>(reason))) ++reason;
    const auto before = server->rejected(kProtocol, reason - 1);
    RawPeer bad(address);
    ASSERT_TRUE(bad.send(vector.frame));
    EXPECT_TRUE(bad.read_to_end());
    EXPECT_EQ(server->rejected(kProtocol, reason - 1), before + 1);
  }
}

TEST(BadInput, FromAServerClosesTheClientsConnection) {
  JsSide js;
  auto opened = io::Listener::open(*io::parse_address("127.0.0.1:0"), 16);
  auto& listener = std::get<io::Listener>(opened);
  const auto address = listener.bound_text();
  const int listening = listener.release();
  ASSERT_EQ(::fcntl(listening, F_SETFL, 0), 0);
  const auto channel = js.add_channel();
  const auto endpoint = js.add_endpoint(channel, address);
  const auto call = js.call(endpoint, {.body = "x"});
  js.flush();
  RawPeer server(::accept(listening, nullptr, nullptr));
  ASSERT_TRUE(server.read_frame());
  ASSERT_TRUE(server.send(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n")));
  ASSERT_TRUE(js.pump_until([&] { return js.outcome(call).ended; }));
  EXPECT_EQ(js.outcome(call).code, kPeerClosed);
  EXPECT_NE(js.outcome(call).text.find("bad_start_byte"), std::string::npos) << js.outcome(call).text;
  EXPECT_EQ(channel->counters.frames_rejected.load(), 1U);
  ::close(listening);
}

TEST(BadInput, AFrameCutByDisconnectIsDropped) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  const auto request = make_frame({"1", "Echo.echo", 0, ""}, Bytes(100'000, 1));
  for (const std::size_t cut : {1U, 4U, 5U, 30U, 64U, 50'000U, 99'999U}) {
    RawPeer peer(address);
    ASSERT_TRUE(peer.send(ByteSpan(request).first(cut)));
    if (cut % 2 == 0) peer.reset();
  }
  ASSERT_TRUE(eventually(js.io_threads(1), [&] {
    return server->counters.connections_total.load() == 7 && server->gauges.open.load() == 0;
  }));
  EXPECT_EQ(js.inbox().depth().events, 0U);
}

// The bytes of a golden vector reach the server one segment each; the C++ original got this wrong.
TEST(Segments, OneByteEachAndAllInOne) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  RawPeer slow(address);
  const auto request = make_frame({"1", "Echo.echo", 0, ""}, as_bytes("\x03\x02 body"));
  for (const auto& byte : request) {
    ASSERT_TRUE(slow.send({&byte, 1}));
    for (io::IoThread* io : js.io_threads(1)) test::on_io(*io, [] {});
  }
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  const auto reply = slow.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(as_text(reply->body), "\x03\x02 body");

  RawPeer fast(address);
  Bytes many;
  for (int i = 0; i < 10'000; ++i) many.insert(many.end(), request.begin(), request.end());
  std::thread sender([&] { EXPECT_TRUE(fast.send(many)); });
  std::thread reader([&] {
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(fast.read_frame()) << i;
  });
  EXPECT_TRUE(js.pump_until([&] { return js.requests == 10'001; }));
  sender.join();
  reader.join();
}

TEST(Churn, AThousandConnectionsComeAndGoWhileCallsRun) {
  JsSide js;
  rpc::ServerOptions options;
  options.io_threads = 2;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  const auto channel = js.add_channel();
  const auto endpoint = js.add_endpoint(channel, address);
  const auto request = make_frame({"1", "Echo.echo", 0, ""}, as_bytes("hello"));
  std::atomic<bool> done{false};
  std::thread churn([&] {
    for (int i = 0; i < 1000; ++i) {
      RawPeer peer(address);
      const std::size_t part = i % 4 == 0 ? 0 : i % 4 == 1 ? request.size() / 2 : request.size();
      EXPECT_TRUE(peer.send(ByteSpan(request).first(part)));
      EXPECT_TRUE(i % 4 != 3 || peer.read_frame());
      if (i % 3 == 0) peer.reset();
    }
    done = true;
  });
  std::size_t calls = 0;
  EXPECT_TRUE(js.pump_until([&] {
    while (calls - js.ended_calls() < 10) js.call(endpoint, {.body = "meanwhile"}), ++calls;
    js.flush();
    return done.load() && server->counters.connections_total.load() >= 1000 && server->gauges.open.load() <= 1;
  }));
  churn.join();
  EXPECT_TRUE(js.pump_until([&] { return js.ended_calls() == calls; }));
  for (std::size_t i = 0; i < calls; ++i) ASSERT_TRUE(js.outcome(i).ok) << js.outcome(i).text;
  server->close(Millis(10'000));
  ASSERT_TRUE(js.pump_until([&] { return js.servers_closed[js.number_of(*server)] > 0; }));
  EXPECT_EQ(server->calls.in_flight(), 0);
  EXPECT_EQ(server->gauges.open.load(), 0);
  EXPECT_EQ(server->gauges.queued_bytes.load(), 0);
}

}  // namespace
}  // namespace rocket::tinypb
