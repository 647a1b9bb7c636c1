#include <optional>
#include <string>

#include "grpc/metadata.h"
#include "grpc/percent.h"
#include "grpc/reply_block.h"
#include "grpc/server_fixture.h"

namespace rocket::grpc {
namespace {

using rpc::Code;
using test::Bytes;
using test::eventually;
using test::EventView;
using test::GrpcServerTest;
using test::H2Peer;
using test::kEcho;
using test::RawPeer;
using test::operator+;

using GrpcUnary = GrpcServerTest;

int number(Code code) { return static_cast<int>(code); }

TEST_F(GrpcUnary, AnswersWithHeadersMessageAndTrailers) {
  H2Peer peer(serve());
  const auto id = peer.call(kEcho, "hello");
  ASSERT_TRUE(pump_requests(1));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.headers, (H2Peer::Fields{{":status", "200"}, {"content-type", "application/grpc"}}));
  EXPECT_EQ(reply.body(), "hello");
  EXPECT_EQ(reply.trailers, (H2Peer::Fields{{"grpc-status", "0"}}));
  EXPECT_TRUE(reply.ended);
  EXPECT_FALSE(reply.reset);
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcUnary, TakesAnySplitOfARequest) {
  H2Peer peer(serve());
  const auto bytes = H2Peer::message("some message");
  std::size_t calls = 0;
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    const auto id = peer.open(H2Peer::request(kEcho));
    peer.data(id, ByteSpan(bytes).first(at));
    peer.data(id, ByteSpan(bytes).subspan(at));
    peer.data(id, {}, true);
    ASSERT_TRUE(pump_requests(++calls));
    EXPECT_EQ(peer.wait(id).body(), "some message");
  }
  // Trailers end a request too.
  const auto id = peer.open(H2Peer::request(kEcho));
  peer.data(id, bytes);
  peer.trailers(id, {{"x-sum", "1"}});
  ASSERT_TRUE(pump_requests(++calls));
  EXPECT_EQ(peer.wait(id).status(), 0);
}

TEST_F(GrpcUnary, CarriesLargeAndEmptyMessages) {
  H2Peer peer(serve());
  const std::string large(3'000'000, 'x');
  const auto id = peer.call(kEcho, large);
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(id).body(), large);
  const auto empty = peer.call(kEcho, "");
  ASSERT_TRUE(pump_requests(2));
  const auto reply = peer.wait(empty);
  EXPECT_EQ(reply.data, H2Peer::message(""));
  EXPECT_EQ(reply.status(), 0);
}

TEST_F(GrpcUnary, GivesTheApplicationItsMetadataAndNothingElse) {
  H2Peer peer(serve());
  std::string metadata;
  std::int32_t flags = 0;
  js_.on_request = [&](const EventView& event) {
    metadata = event.text;
    flags = event.flags;
    std::string headers, trailers;
    append_pair(headers, "a", "1");
    append_pair(headers, "a", "2");
    append_pair(trailers, "t-bin", "AQ==");
    js_.reply_with(event.id_low, event.id_high, {}, headers, trailers);
  };
  const auto id = peer.call(kEcho, "",
                            {{"a", "1"},
                             {"a", "2"},
                             {"b-bin", "AQ=="},
                             {"grpc-timeout", "5S"},
                             {"grpc-internal", "x"},
                             {"host", "h"},
                             {"user-agent", "test"}});
  ASSERT_TRUE(pump_requests(1));
  std::string expected;
  append_pair(expected, "a", "1");
  append_pair(expected, "a", "2");
  append_pair(expected, "b-bin", "AQ==");
  append_pair(expected, "user-agent", "test");
  EXPECT_EQ(metadata, expected);
  EXPECT_NE(flags & rpc::event_flag::kGrpc, 0);
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.headers,
            (H2Peer::Fields{{":status", "200"}, {"content-type", "application/grpc"}, {"a", "1"}, {"a", "2"}}));
  EXPECT_EQ(reply.trailers, (H2Peer::Fields{{"grpc-status", "0"}, {"t-bin", "AQ=="}}));
}

TEST_F(GrpcUnary, AnErrorIsTrailersOnly) {
  H2Peer peer(serve());
  js_.on_request = [&](const EventView& event) {
    js_.fail_with(event.id_low, event.id_high, {Code::kNotFound}, "no \xe2\x98\xba here");
  };
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.status(), number(Code::kNotFound));
  EXPECT_EQ(percent_decode(reply.message()), "no \xe2\x98\xba here");
  EXPECT_TRUE(reply.trailers.empty());
  EXPECT_TRUE(reply.data.empty());
}

TEST_F(GrpcUnary, BadReplyMetadataIsInternal) {
  H2Peer peer(serve());
  js_.on_request = [&](const EventView& event) {
    std::string headers;
    append_pair(headers, "bad", "line\nbreak");
    js_.reply_with(event.id_low, event.id_high, {}, headers, {});
  };
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  const auto reply = peer.wait(id);
  EXPECT_EQ(reply.status(), number(Code::kInternal));
  EXPECT_NE(reply.message().find("bad"), std::string::npos);
}

TEST_F(GrpcUnary, KeepsThePeersLimitOnHeaders) {
  const auto address = serve();
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kMaxHeaderListSize, 300)});
  js_.on_request = [&](const EventView& event) {
    std::string headers;
    append_pair(headers, "large", std::string(300, 'x'));
    js_.reply_with(event.id_low, event.id_high, {}, headers, {});
  };
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(id).status(), number(Code::kResourceExhausted));
}

TEST_F(GrpcUnary, WhatIsNoCallOfGrpcGetsAStatusOfHttp) {
  H2Peer peer(serve());
  const H2Peer::Fields get = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "here"}};
  auto reply = peer.wait(peer.open(get, true));
  EXPECT_EQ(reply.field(":status"), "405");
  EXPECT_TRUE(reply.ended);
  EXPECT_EQ(as_text(reply.data), kNotGrpcText);
  H2Peer::Fields json = {
      {":method", "POST"}, {":scheme", "http"}, {":path", kEcho}, {"content-type", "application/json"}};
  EXPECT_EQ(peer.wait(peer.open(json, true)).field(":status"), "415");
  json.pop_back();
  EXPECT_EQ(peer.wait(peer.open(json, true)).field(":status"), "415");
  EXPECT_EQ(refused(), 3U);
}

TEST_F(GrpcUnary, WhatIsNoCallOfGrpcIsAnsweredAtItsEnd) {
  H2Peer peer(serve());
  const H2Peer::Fields json = {
      {":method", "POST"}, {":scheme", "http"}, {":path", kEcho}, {"content-type", "application/json"}};
  const auto by_data = peer.open(json);
  const auto by_trailers = peer.open(json);
  const auto reset = peer.open(json);
  const auto malformed = peer.open(json);
  peer.reset(reset);
  peer.trailers(malformed, {{":path", "/"}});
  const auto end = peer.wait(malformed);
  EXPECT_FALSE(end.has_headers);
  EXPECT_EQ(end.reset, h2::ErrorCode::kProtocolError);
  // More than a window, so it is given back.
  peer.data(by_data, Bytes(200'000), true);
  EXPECT_EQ(peer.wait(by_data).field(":status"), "415");
  peer.data(by_trailers, as_bytes("{}"));
  peer.trailers(by_trailers, {});
  EXPECT_EQ(peer.wait(by_trailers).field(":status"), "415");
  EXPECT_EQ(refused(), 4U);
}

TEST_F(GrpcUnary, WhatIsNoCallOfGrpcIsNotWaitedForLongerThanACall) {
  rpc::ServerOptions options;
  options.default_timeout = Millis(50);
  H2Peer peer(serve(options));
  const auto reply =
      peer.wait(peer.open({{":method", "HEAD"}, {":scheme", "http"}, {":path", "/"}, {":authority", "here"}}));
  EXPECT_EQ(reply.field(":status"), "405");
  EXPECT_TRUE(reply.ended);
  EXPECT_TRUE(reply.data.empty());
}

TEST_F(GrpcUnary, UnknownMethodsAreUnimplemented) {
  H2Peer peer(serve());
  const auto text_of = [&](std::string_view path) {
    const auto reply = peer.wait(peer.call(path, "x"));
    EXPECT_EQ(reply.status(), number(Code::kUnimplemented));
    return percent_decode(reply.message());
  };
  EXPECT_EQ(text_of("/Nobody/echo"), "service not found: Nobody");
  EXPECT_EQ(text_of("/Echo/nothing"), "method not found: /Echo/nothing");
  for (const auto* path : {"/", "/Echo", "/Echo/", "//echo", "/Echo.echo/x", "/x/Echo.echo", "*"}) text_of(path);
  EXPECT_EQ(refused(), 9U);
}

TEST_F(GrpcUnary, CallsWithoutOneMessageFail) {
  H2Peer peer(serve());
  auto id = peer.open(H2Peer::request(kEcho), true);
  EXPECT_EQ(peer.wait(id).status(), number(Code::kInternal));
  id = peer.open(H2Peer::request(kEcho));
  peer.data(id, H2Peer::message("a") + H2Peer::message("b"), true);
  EXPECT_EQ(peer.wait(id).status(), number(Code::kInternal));
  id = peer.open(H2Peer::request(kEcho));
  auto cut = H2Peer::message("abc");
  cut.pop_back();
  peer.data(id, cut, true);
  EXPECT_EQ(peer.wait(id).status(), number(Code::kInternal));
  id = peer.open(H2Peer::request(kEcho));
  peer.data(id, H2Peer::message("a", 7), true);
  EXPECT_EQ(peer.wait(id).status(), number(Code::kInternal));
  id = peer.open(H2Peer::request(kEcho));
  peer.data(id, H2Peer::message("a", 1), true);
  EXPECT_EQ(peer.wait(id).status(), number(Code::kInternal));
  // The connection is none the worse for it.
  id = peer.call(kEcho, "fine");
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(id).body(), "fine");
}

TEST_F(GrpcUnary, AMessageOverTheLimitFailsItsCallAndNamesTheOption) {
  rpc::ServerOptions options;
  options.max_message_bytes = 1000;
  H2Peer peer(serve(options));
  const auto over = peer.open(H2Peer::request(kEcho));
  peer.data(over, H2Peer::message(std::string(1001, 'x')));
  const auto reply = peer.wait(over);
  EXPECT_EQ(reply.status(), number(Code::kResourceExhausted));
  EXPECT_NE(reply.message().find("maxMessageBytes"), std::string::npos);
  const auto within = peer.call(kEcho, std::string(1000, 'x'));
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(within).status(), 0);
}

TEST_F(GrpcUnary, AHeaderListOverTheLimitIsAnswered) {
  H2Peer peer(serve());
  const auto id = peer.call(kEcho, "x", {{"large", std::string(9000, 'x')}});
  EXPECT_EQ(peer.wait(id).status(), number(Code::kResourceExhausted));
  const auto fine = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(fine).status(), 0);
}

TEST_F(GrpcUnary, MetadataMayBeAsLongAsTheOptionSays) {
  rpc::ServerOptions options;
  options.max_metadata_bytes = 64 * 1024;
  H2Peer peer(serve(options));
  std::size_t bytes = 0;
  js_.on_request = [&](const EventView& event) {
    bytes = event.text.size();
    js_.reply(event.id_low, event.id_high, {});
  };
  const std::string value(5000, 'x');
  const auto id = peer.call(kEcho, "x", {{"a", value}, {"b", value}, {"c", value}});
  ASSERT_TRUE(pump_requests(1));
  EXPECT_GT(bytes, 3 * value.size());
  EXPECT_EQ(peer.wait(id).status(), 0);
}

TEST_F(GrpcUnary, DeadlinesAreKeptWhileJavaScriptIsBlocked) {
  H2Peer peer(serve());
  const auto taken = peer.call(kEcho, "x", {{"grpc-timeout", "50m"}});
  auto reply = peer.wait(taken);
  EXPECT_EQ(reply.status(), number(Code::kDeadlineExceeded));
  // Nor does one that never comes to an end wait for ever.
  const auto unfinished = peer.open(H2Peer::request(kEcho, {{"grpc-timeout", "20000u"}}));
  EXPECT_EQ(peer.wait(unfinished).status(), number(Code::kDeadlineExceeded));
  EXPECT_EQ(peer.wait(peer.call(kEcho, "x", {{"grpc-timeout", "0n"}})).status(), number(Code::kDeadlineExceeded));
  EXPECT_EQ(peer.wait(peer.call(kEcho, "x", {{"grpc-timeout", "soon"}})).status(), number(Code::kInternal));
  EXPECT_EQ(server_->counters.calls_expired.load(), 3U);
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_TRUE(all_ended());
}

TEST_F(GrpcUnary, AResetAbortsItsCall) {
  H2Peer peer(serve());
  std::int32_t code = 0;
  js_.on_request = [](const EventView&) {};
  js_.on_abort = [&](const EventView& event) {
    code = event.code;
    js_.end(event.id_low, event.id_high);
  };
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  peer.reset(id);
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_NE(code, 0);
  EXPECT_TRUE(all_ended());
  // One that has not reached JavaScript is just forgotten.
  const auto begun = peer.open(H2Peer::request(kEcho));
  peer.data(begun, H2Peer::message("x"));
  peer.reset(begun);
  js_.on_request = nullptr;
  const auto next = peer.call(kEcho, "y");
  ASSERT_TRUE(pump_requests(2));
  EXPECT_EQ(peer.wait(next).body(), "y");
}

TEST_F(GrpcUnary, ALostConnectionAbortsItsCalls) {
  const auto address = serve();
  js_.on_request = [](const EventView&) {};
  {
    H2Peer peer(address);
    peer.call(kEcho, "x");
    peer.call(kEcho, "y");
    peer.open(H2Peer::request(kEcho));
    ASSERT_TRUE(pump_requests(2));
    peer.raw().reset();
  }
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 2; }));
  EXPECT_TRUE(all_ended());
  EXPECT_TRUE(test::eventually(js_.io_threads(1), [&] { return server_->gauges.open.load() == 0; }));
}

TEST_F(GrpcUnary, AFullInboxHoldsUpAndLosesNothing) {
  rpc::ServerOptions options;
  H2Peer peer(serve(options));
  // More than the slab holds, and JavaScript is not there.
  constexpr std::size_t kCalls = 200;
  std::vector<std::uint32_t> ids;
  const std::string body(20'000, 'b');
  std::thread sender([&] {
    for (std::size_t i = 0; i < kCalls; ++i) ids.push_back(peer.call(kEcho, body + std::to_string(i)));
  });
  EXPECT_TRUE(pump_requests(kCalls));
  sender.join();
  for (std::size_t i = 0; i < kCalls; ++i) EXPECT_EQ(peer.wait(ids[i]).body(), body + std::to_string(i));
}

TEST_F(GrpcUnary, CallsPastTheLimitOfAConnectionAreRefused) {
  rpc::ServerOptions options;
  options.max_calls_per_connection = 2;
  H2Peer peer(serve(options));
  js_.on_request = [](const EventView&) {};
  peer.call(kEcho, "1");
  peer.call(kEcho, "2");
  EXPECT_EQ(peer.wait(peer.call(kEcho, "3")).reset, h2::ErrorCode::kRefusedStream);
}

TEST_F(GrpcUnary, CallsPastTheLimitOfTheServerAreExhausted) {
  rpc::ServerOptions options;
  options.max_calls = 1;
  H2Peer peer(serve(options));
  js_.on_request = [](const EventView&) {};
  peer.call(kEcho, "1");
  const auto reply = peer.wait(peer.call(kEcho, "2"));
  EXPECT_EQ(reply.status(), number(Code::kResourceExhausted));
  EXPECT_NE(reply.message().find("maxCallsInFlight"), std::string::npos);
}

TEST_F(GrpcUnary, AClosingServerSaysGoawayAndFinishesWhatRuns) {
  H2Peer peer(serve());
  std::uint32_t low = 0, high = 0;
  js_.on_request = [&](const EventView& event) {
    low = event.id_low;
    high = event.id_high;
  };
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  server_->close(Millis(10'000));
  ASSERT_TRUE(peer.read_until([&] { return peer.goaways.size() == 2; }));
  EXPECT_EQ(peer.goaways[0].last_stream, h2::kMaxStreamId);
  EXPECT_EQ(peer.goaways[1].last_stream, id);
  js_.reply(low, high, as_bytes("done"));
  js_.flush();
  EXPECT_EQ(peer.wait(id).body(), "done");
  peer.read_to_end();
  ASSERT_TRUE(js_.pump_until([&] { return !js_.servers_closed.empty(); }));
}

TEST_F(GrpcUnary, WhatRunsWhenTheDrainIsOverIsUnavailable) {
  H2Peer peer(serve());
  js_.on_request = [](const EventView&) {};
  const auto id = peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  server_->close(Millis(20));
  EXPECT_EQ(peer.wait(id).status(), number(Code::kUnavailable));
  peer.read_to_end();
  ASSERT_TRUE(js_.pump_until([&] { return !js_.servers_closed.empty(); }));
}

TEST_F(GrpcUnary, WhatIsNotWholeWhenTheServerClosesIsUnavailable) {
  H2Peer peer(serve());
  const auto begun = peer.open(H2Peer::request(kEcho));
  const auto part = peer.open(H2Peer::request(kEcho));
  peer.data(part, Bytes{0, 0, 0, 0, 9, 'x'});
  ASSERT_TRUE(eventually(js_.io_threads(1), [&] { return server_->counters.connections_total.load() == 1; }));
  EXPECT_EQ(peer.wait(peer.call("/no/such", "")).status(), number(Code::kUnimplemented));  // all of it has come
  server_->close(Millis(10'000));
  EXPECT_EQ(peer.wait(begun).status(), number(Code::kUnavailable));
  EXPECT_EQ(peer.wait(part).status(), number(Code::kUnavailable));
  peer.read_to_end();
  ASSERT_TRUE(js_.pump_until([&] { return !js_.servers_closed.empty(); }));
}

TEST_F(GrpcUnary, AConnectionThatFirstSpeaksDuringTheDrainIsToldOfIt) {
  const auto address = serve();
  H2Peer peer(address);
  js_.on_request = [](const EventView&) {};
  peer.call(kEcho, "x");
  ASSERT_TRUE(pump_requests(1));
  RawPeer late(address);
  ASSERT_TRUE(eventually(js_.io_threads(1), [&] { return server_->counters.connections_total.load() == 2; }));
  server_->close(Millis(10'000));
  ASSERT_TRUE(peer.read_until([&] { return !peer.goaways.empty(); }));
  Bytes hello(h2::kPreface.begin(), h2::kPreface.end());
  hello.resize(hello.size() + h2::kFrameHeadBytes);
  h2::write_frame_head(hello.data() + h2::kPreface.size(), 0, h2::FrameType::kSettings, 0, 0);
  ASSERT_TRUE(late.send(hello));
  Bytes got;
  std::optional<std::uint32_t> last_stream;
  while (!last_stream) {
    std::uint8_t more[256];
    const auto size = late.receive(more, sizeof more);
    ASSERT_GT(size, 0U);
    got.insert(got.end(), more, more + size);
    for (std::size_t at = 0; at + h2::kFrameHeadBytes + 8 <= got.size();) {
      const auto head = h2::read_frame_head(got.data() + at);
      if (head.is(h2::FrameType::kGoaway)) last_stream = load_be32(got.data() + at + h2::kFrameHeadBytes);
      at += head.frame_bytes();
    }
  }
  EXPECT_EQ(*last_stream, h2::kMaxStreamId);  // at once, not when the drain is over
}

TEST_F(GrpcUnary, RequestsThatAreNoCallYetAreCountedToo) {
  rpc::ServerOptions options;
  options.max_calls = 1;
  options.max_calls_per_connection = 2000;
  H2Peer peer(serve(options));
  std::uint32_t last = 0;
  peer.hold();
  for (int i = 0; i < 1026; ++i) last = peer.open(H2Peer::request(kEcho));
  const auto refused = peer.open(H2Peer::request(kEcho));
  peer.send();
  EXPECT_EQ(peer.wait(refused).status(), number(Code::kResourceExhausted));
  EXPECT_FALSE(peer.of(last).over());
  peer.reset(last);
  EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/Check", "")).status(), 0);
}

TEST_F(GrpcUnary, AWindowThatStaysShutEndsTheConnection) {
  rpc::ServerOptions options;
  options.connection.idle_timeout = Millis(100);
  const auto address = serve(options);
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kInitialWindowSize, 10), false});
  peer.call(kEcho, std::string(5000, 'x'));
  ASSERT_TRUE(pump_requests(1));
  peer.read_to_end();
  EXPECT_TRUE(test::eventually(js_.io_threads(1), [&] {
    return server_->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kSlowReader)].load() == 1;
  }));
}

TEST_F(GrpcUnary, RepliesThatNobodyReadsAreBounded) {
  rpc::ServerOptions options;
  options.connection.max_write_queue_bytes = 100'000;
  options.connection.max_frame_bytes = 100'000;
  const auto address = serve(options);
  H2Peer peer(address, {H2Peer::setting(h2::SettingId::kInitialWindowSize, 0), false});
  const std::string body(60'000, 'x');
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < 20; ++i) last = peer.call(kEcho, body);
  ASSERT_TRUE(pump_requests(20));
  const auto reply = peer.wait(last);
  EXPECT_EQ(reply.status(), number(Code::kResourceExhausted));
  EXPECT_NE(reply.message().find("maxWriteQueueBytes"), std::string::npos);
}

TEST_F(GrpcUnary, WhatIsNotHttp2ClosesTheConnection) {
  const auto address = serve();
  H2Peer peer(address);
  peer.frame(h2::FrameType::kPushPromise, 0, 1, {});
  peer.read_to_end();
  ASSERT_FALSE(peer.goaways.empty());
  EXPECT_EQ(peer.goaways.back().code, h2::ErrorCode::kProtocolError);
  EXPECT_EQ(server_->rejected(kProtocol, static_cast<std::size_t>(h2::ErrorCode::kProtocolError)), 1U);
}

}  // namespace
}  // namespace rocket::grpc
