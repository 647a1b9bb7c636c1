#include <string>
#include <thread>
#include <vector>

#include "grpc/metadata.h"
#include "grpc/server_fixture.h"
#include "tinypb/status.h"

namespace rocket::grpc {
namespace {

using rpc::Code;
using rpc::EventKind;
using rpc::MethodKind;
using test::EventView;
using test::GrpcServerTest;
using test::H2Peer;
using test::kEcho;
using test::operator+;

/// What has come of one stream, and the handler's side of it.
class GrpcStreams : public GrpcServerTest {
 protected:
  std::string serve_streams(MethodKind kind, rpc::ServerOptions options = {}) {
    js_.on_request = [this](const EventView& event) {
      low_ = event.id_low;
      high_ = event.id_high;
      flags_ = event.flags;
      if (on_open) on_open(event);
    };
    js_.on_stream = [this](const EventView& event) {
      switch (event.kind) {
        case EventKind::kMessage:
          messages_.emplace_back(as_text(event.payload));
          if (takes_) js_.taken(low_, high_, event.payload.size() + rpc::kMessageOverhead);
          untaken_ += event.payload.size() + rpc::kMessageOverhead;
          if (on_message) on_message(event);
          return;
        case EventKind::kHalfClose: ++ends_; return;
        default: room_ += event.code; return;
      }
    };
    js_.on_abort = [this](const EventView& event) { js_.end(event.id_low, event.id_high); };
    return serve(options, kind);
  }
  void finish(int code = 0, std::string_view text = {}) {
    js_.finish(low_, high_, code, text);
    js_.end(low_, high_);
    js_.flush();
  }
  bool pump(const std::function<bool()>& holds) { return js_.pump_until(holds); }

  std::function<void(const EventView&)> on_open, on_message;
  std::uint32_t low_ = 0, high_ = 0;
  std::int32_t flags_ = 0;
  std::vector<std::string> messages_;
  int ends_ = 0;
  std::int64_t room_ = 0;
  std::size_t untaken_ = 0;
  bool takes_ = true;
};

TEST_F(GrpcStreams, AServerStreamSendsHeadersMessagesAndTrailers) {
  H2Peer peer(serve_streams(MethodKind::kServerStream));
  on_open = [&](const EventView& event) {
    EXPECT_EQ(as_text(event.payload), "ask");
    EXPECT_EQ(event.flags & rpc::event_flag::kOpen, 0);
    std::string metadata;
    append_pair(metadata, "a", "1");
    js_.headers(low_, high_, metadata);
    js_.message(low_, high_, as_bytes("one"));
    js_.message(low_, high_, as_bytes("two"));
    js_.finish(low_, high_);
    js_.end(low_, high_);
  };
  const auto id = peer.call(kEcho, "ask");
  ASSERT_TRUE(pump([&] { return js_.requests == 1; }));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.headers.back(), (std::pair<std::string, std::string>{"a", "1"}));
  EXPECT_EQ(reply.data, H2Peer::message("one") + H2Peer::message("two"));
  EXPECT_EQ(reply.status(), 0);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcStreams, AStreamWithoutMessagesIsTrailersOnly) {
  H2Peer peer(serve_streams(MethodKind::kServerStream));
  on_open = [&](const EventView&) { finish(); };
  const auto id = peer.call(kEcho, "ask");
  ASSERT_TRUE(pump([&] { return js_.requests == 1; }));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.status(), 0);
  EXPECT_TRUE(reply.data.empty());
}

TEST_F(GrpcStreams, AClientStreamOpensBeforeItsFirstMessage) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho, {{"k", "v"}}));
  ASSERT_TRUE(pump([&] { return js_.requests == 1; }));
  EXPECT_NE(flags_ & rpc::event_flag::kOpen, 0);
  peer.data(id, H2Peer::message("one") + H2Peer::message("two"));
  ASSERT_TRUE(pump([&] { return messages_.size() == 2; }));
  EXPECT_EQ(ends_, 0);
  const auto three = H2Peer::message("three");
  for (const auto byte : three) peer.data(id, {&byte, 1});
  peer.data(id, {}, true);
  ASSERT_TRUE(pump([&] { return ends_ == 1; }));
  EXPECT_EQ(messages_, (std::vector<std::string>{"one", "two", "three"}));
  js_.reply(low_, high_, as_bytes("sum"));
  js_.flush();
  EXPECT_EQ(peer.wait(id).body(), "sum");
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcStreams, AnEmptyRequestIsOpenedAndClosed) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho), true);
  ASSERT_TRUE(pump([&] { return ends_ == 1; }));
  js_.reply(low_, high_, {});
  js_.flush();
  EXPECT_EQ(peer.wait(id).status(), 0);
}

TEST_F(GrpcStreams, BidiPingPong) {
  H2Peer peer(serve_streams(MethodKind::kBidi));
  on_message = [&](const EventView& event) { js_.message(low_, high_, event.payload); };
  const auto id = peer.open(H2Peer::request(kEcho));
  std::size_t bytes = 0;
  for (std::size_t i = 1; i <= 100; ++i) {
    const auto ping = H2Peer::message("ping " + std::to_string(i));
    peer.data(id, ping);
    ASSERT_TRUE(pump([&] { return messages_.size() == i; }));
    bytes += ping.size();
    ASSERT_TRUE(peer.read_until([&] { return peer.of(id).data.size() == bytes; }));
  }
  peer.data(id, {}, true);
  ASSERT_TRUE(pump([&] { return ends_ == 1; }));
  finish();
  EXPECT_EQ(peer.wait(id).status(), 0);
}

TEST_F(GrpcStreams, WindowsFollowWhatTheHandlerHasTaken) {
  takes_ = false;
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  const auto message = H2Peer::message(std::string(1000, 'x'));
  // As much as the window has room for; nothing is given back while nobody takes it.
  std::size_t sent = 0;
  for (; (sent + 1) * message.size() <= h2::kDefaultWindow; ++sent) peer.data(id, message);
  ASSERT_TRUE(pump([&] { return messages_.size() == sent; }));
  const auto health = peer.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(peer.wait(health).status(), 0);
  EXPECT_EQ(peer.windows_given[id], 0U);
  js_.taken(low_, high_, untaken_);
  js_.flush();
  ASSERT_TRUE(peer.read_until([&] { return peer.windows_given[id] >= untaken_; }));
  EXPECT_EQ(peer.windows_given[id], untaken_);
}

TEST_F(GrpcStreams, AMessageLongerThanTheWindowIsLetIn) {
  takes_ = false;
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  for (const std::size_t size :
       {std::size_t{300'000}, std::size_t{40'000}, std::size_t{65'530}, std::size_t{200'000}}) {
    const std::string body(size, 'y');
    const std::size_t before = messages_.size();
    std::thread sender([&] { peer.data(id, H2Peer::message(body)); });
    EXPECT_TRUE(pump([&] { return messages_.size() == before + 1; }));
    sender.join();
    EXPECT_EQ(messages_.back(), body);
    js_.taken(low_, high_, size + rpc::kMessageOverhead);
    js_.flush();
  }
}

TEST_F(GrpcStreams, ALongMessageWaitsUntilTheOneBeforeItIsTaken) {
  takes_ = false;
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  const auto message = H2Peer::message(std::string(300'000, 'y'));
  std::thread sender([&] { peer.data(id, message); });
  EXPECT_TRUE(pump([&] { return messages_.size() == 1; }));
  sender.join();
  std::size_t sent = 0;
  while (sent < message.size()) {
    // An answer says that all windows before it have come.
    EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/Check", "")).status(), 0);
    const std::size_t room = h2::kDefaultWindow + peer.windows_given[id] - message.size() - sent;
    if (room == 0) break;
    const auto part = ByteSpan(message).subspan(sent, std::min(room, message.size() - sent));
    peer.data(id, part);
    sent += part.size();
  }
  EXPECT_LE(sent, h2::kDefaultWindow);
  js_.taken(low_, high_, untaken_);
  js_.flush();
  sender = std::thread([&] { peer.data(id, ByteSpan(message).subspan(sent)); });
  EXPECT_TRUE(pump([&] { return messages_.size() == 2; }));
  sender.join();
}

TEST_F(GrpcStreams, TakingMoreThanCameGivesNoMore) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  peer.data(id, H2Peer::message(std::string(40'000, 'x')));
  ASSERT_TRUE(pump([&] { return messages_.size() == 1; }));
  js_.taken(low_, high_, 1 << 30);
  js_.flush();
  peer.data(id, H2Peer::message("more"));
  ASSERT_TRUE(pump([&] { return messages_.size() == 2; }));
  EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/Check", "")).status(), 0);
  EXPECT_LE(peer.windows_given[id], 40'014U);
}

TEST_F(GrpcStreams, AFullInboxHoldsUpStreamsAndLosesNothing) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  constexpr std::size_t kMessages = 12'000;  // descriptors of the Inbox: 4096
  std::thread sender([&] {
    for (std::size_t i = 0; i < kMessages; ++i) peer.data(id, H2Peer::message(std::to_string(i)));
    peer.data(id, {}, true);
  });
  EXPECT_TRUE(pump([&] { return ends_ == 1; }));
  sender.join();
  ASSERT_EQ(messages_.size(), kMessages);
  for (std::size_t i = 0; i < kMessages; ++i) ASSERT_EQ(messages_[i], std::to_string(i));
}

TEST_F(GrpcStreams, AStreamThatWaitsBehindAFullInboxKeepsItsDeadline) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  // All but some of the Inbox's descriptors: 4096.
  const auto first = peer.open(H2Peer::request(kEcho));
  peer.hold();
  for (int i = 0; i < 4000; ++i) peer.data(first, H2Peer::message("x"));
  peer.send();
  peer.wait(peer.call("/grpc.health.v1.Health/Check", ""));  // all of it has been taken
  // In one piece: what fills it, and a stream that finds others waiting.
  peer.hold();
  for (int i = 0; i < 200; ++i) peer.data(first, H2Peer::message("x"));
  const auto second = peer.open(H2Peer::request(kEcho, {{"grpc-timeout", "50m"}}));
  peer.send();
  EXPECT_EQ(peer.wait(second).status(), static_cast<int>(Code::kDeadlineExceeded));
  EXPECT_TRUE(pump([&] { return messages_.size() == 4200; }));
  EXPECT_EQ(js_.requests, 1U);
}

TEST_F(GrpcStreams, RoomComesBackAsMessagesLeave) {
  H2Peer peer(serve_streams(MethodKind::kServerStream));
  const auto id = peer.call(kEcho, "ask");
  ASSERT_TRUE(pump([&] { return js_.requests == 1; }));
  const std::string body(1019, 'z');  // 1024 with its head
  std::size_t sent = 0;
  for (int round = 0; round < 10; ++round) {
    while (static_cast<std::int64_t>(sent * 1024) < rpc::kStreamRoomBytes + room_) {
      js_.message(low_, high_, as_bytes(body));
      ++sent;
    }
    const auto before = room_;
    ASSERT_TRUE(peer.read_until([&] {
      js_.flush();
      return peer.of(id).data.size() == sent * 1024;
    }));
    ASSERT_TRUE(pump([&] { return room_ > before; }));
  }
  finish();
  EXPECT_EQ(peer.wait(id).status(), 0);
}

TEST_F(GrpcStreams, APeerThatGivesNoWindowGetsNoMore) {
  const auto address = serve_streams(MethodKind::kServerStream);
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kInitialWindowSize, 1000), false});
  const auto id = peer.call(kEcho, "ask");
  ASSERT_TRUE(pump([&] { return js_.requests == 1; }));
  for (int i = 0; i < 64; ++i) js_.message(low_, high_, as_bytes(std::string(1019, 'z')));
  js_.flush();
  ASSERT_TRUE(peer.read_until([&] { return peer.of(id).data.size() == 1000; }));
  EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/Check", "")).status(), 0);
  EXPECT_EQ(room_, 0);
  peer.window_update(id, 1 << 20);
  ASSERT_TRUE(pump([&] { return room_ > 0; }));
  finish();
  EXPECT_EQ(peer.wait(id).data.size(), 64U * 1024);
}

TEST_F(GrpcStreams, AHandlerThatStopsReadingEndsTheRequest) {
  H2Peer peer(serve_streams(MethodKind::kClientStream));
  const auto id = peer.open(H2Peer::request(kEcho));
  peer.data(id, H2Peer::message("one"));
  ASSERT_TRUE(pump([&] { return messages_.size() == 1; }));
  js_.reply(low_, high_, as_bytes("enough"));
  js_.flush();
  ASSERT_TRUE(peer.read_until([&] { return peer.of(id).reset.has_value(); }));
  EXPECT_EQ(peer.of(id).reset, h2::ErrorCode::kNoError);
  EXPECT_EQ(peer.of(id).body(), "enough");
  EXPECT_EQ(peer.of(id).status(), 0);
}

TEST_F(GrpcStreams, WhatIsWrongInTheMiddleAbortsTheCall) {
  rpc::ServerOptions options;
  options.max_message_bytes = 1000;
  H2Peer peer(serve_streams(MethodKind::kBidi, options));
  const auto break_with = [&](const test::Bytes& bytes, bool end, Code code) {
    const std::size_t aborts = js_.aborts;
    const auto id = peer.open(H2Peer::request(kEcho));
    peer.data(id, H2Peer::message("good"));
    peer.data(id, bytes, end);
    EXPECT_TRUE(pump([&] { return js_.aborts == aborts + 1; }));
    EXPECT_EQ(peer.wait(id).status(), static_cast<int>(code));
  };
  break_with({9}, false, Code::kInternal);
  break_with({0, 0, 0, 4, 0}, false, Code::kResourceExhausted);
  break_with(H2Peer::message("x", 1), false, Code::kInternal);
  break_with({0, 0, 0}, true, Code::kInternal);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcStreams, DeadlinesResetsAndLostPeersAbort) {
  const auto address = serve_streams(MethodKind::kBidi);
  {
    H2Peer peer(address);
    const auto late = peer.open(H2Peer::request(kEcho, {{"grpc-timeout", "30m"}}));
    EXPECT_EQ(peer.wait(late).status(), static_cast<int>(Code::kDeadlineExceeded));
    ASSERT_TRUE(pump([&] { return js_.aborts == 1; }));
    const auto id = peer.open(H2Peer::request(kEcho));
    ASSERT_TRUE(pump([&] { return js_.requests == 2; }));
    peer.reset(id);
    ASSERT_TRUE(pump([&] { return js_.aborts == 2; }));
    peer.open(H2Peer::request(kEcho));
    ASSERT_TRUE(pump([&] { return js_.requests == 3; }));
  }
  ASSERT_TRUE(pump([&] { return js_.aborts == 3; }));
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcStreams, WhatWaitsForShutWindowsIsBounded) {
  rpc::ServerOptions options;
  options.connection.max_write_queue_bytes = 100'000;
  options.connection.max_frame_bytes = 100'000;
  const auto address = serve_streams(MethodKind::kServerStream, options);
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kInitialWindowSize, 0), false});
  on_open = [&](const EventView& event) {
    js_.message(event.id_low, event.id_high, as_bytes(std::string(60'000, 'x')));
  };
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < 20; ++i) last = peer.call(kEcho, "");
  ASSERT_TRUE(pump([&] { return js_.aborts == 12; }));
  const auto reply = peer.wait(last);
  EXPECT_EQ(reply.status(), static_cast<int>(Code::kResourceExhausted));
  EXPECT_NE(reply.message().find("maxWriteQueueBytes"), std::string::npos);
}

TEST_F(GrpcStreams, OneShutWindowCostsItsStreamOnly) {
  rpc::ServerOptions options;
  options.connection.idle_timeout = Millis(200);
  const auto address = serve_streams(MethodKind::kServerStream, options);
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kInitialWindowSize, 100), false});
  on_open = [&](const EventView& event) { js_.message(event.id_low, event.id_high, as_bytes(std::string(1000, 'x'))); };
  std::int32_t status = 0;
  js_.on_abort = [&](const EventView& event) {
    status = event.code;
    js_.end(event.id_low, event.id_high);
  };
  const auto id = peer.call(kEcho, "");
  ASSERT_TRUE(pump_requests(1));
  js_.flush();
  // The peer reads other answers all the time.
  while (!peer.of(id).over()) ASSERT_EQ(peer.wait(peer.call("/Nobody/none", "")).status(), 12);
  EXPECT_EQ(peer.of(id).reset, h2::ErrorCode::kEnhanceYourCalm);
  ASSERT_TRUE(pump([&] { return js_.aborts == 1; }));
  EXPECT_EQ(status, tinypb::wire_code_of(rpc::Status{Code::kResourceExhausted}));
  EXPECT_EQ(peer.wait(peer.call("/Nobody/none", "")).status(), 12);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcStreams, AResetIsACancellation) {
  H2Peer peer(serve_streams(MethodKind::kBidi));
  std::int32_t status = 0;
  js_.on_abort = [&](const EventView& event) {
    status = event.code;
    js_.end(event.id_low, event.id_high);
  };
  const auto id = peer.open(H2Peer::request(kEcho));
  ASSERT_TRUE(pump_requests(1));
  peer.reset(id);
  ASSERT_TRUE(pump([&] { return js_.aborts == 1; }));
  EXPECT_EQ(status, tinypb::wire_code_of(rpc::Status{Code::kCancelled}));
}

TEST_F(GrpcStreams, CompressedMessagesAreMarked) {
  H2Peer peer(serve_streams(MethodKind::kBidi));
  std::vector<std::int32_t> flags;
  on_message = [&](const EventView& event) { flags.push_back(event.flags); };
  const auto id = peer.open(H2Peer::request(kEcho, {{"grpc-encoding", "deflate"}}));
  peer.data(id, H2Peer::message("squeezed", 1) + H2Peer::message("plain"));
  ASSERT_TRUE(pump([&] { return messages_.size() == 2; }));
  EXPECT_EQ(flags[0], rpc::event_flag::kCompressed | rpc::event_flag::kDeflate);
  EXPECT_EQ(flags[1] & rpc::event_flag::kCompressed, 0);
}

TEST_F(GrpcStreams, ACompressedMessageOfAnUnknownEncodingEndsTheCall) {
  H2Peer peer(serve_streams(MethodKind::kBidi));
  const auto id = peer.open(H2Peer::request(kEcho, {{"grpc-encoding", "snappy"}}));
  peer.data(id, H2Peer::message("plain"));
  ASSERT_TRUE(pump([&] { return messages_.size() == 1; }));
  peer.data(id, H2Peer::message("squeezed", 1));
  ASSERT_TRUE(pump([&] { return js_.aborts == 1; }));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.status(), static_cast<int>(Code::kUnimplemented));
  EXPECT_EQ(reply.field("grpc-accept-encoding"), "identity,deflate,gzip");
}

TEST(TinyPBStreams, AMethodThatStreamsIsRefused) {
  test::JsSide js;
  const auto server = js.add_server({}, {"Echo.echo"}, MethodKind::kBidi);
  test::RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(test::make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  const auto reply = peer.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->err_info, "Echo.echo streams: call it with gRPC");
  EXPECT_EQ(server->counters.calls_refused.load(), 1U);
}

}  // namespace
}  // namespace rocket::grpc
