// Calls by gRPC whose requests or replies stream, from our client to our server.
#include "grpc/client_fixture.h"

namespace rocket::test {
namespace {

using rpc::Code;
using rpc::EventKind;
using rpc::MethodKind;

class GrpcClientStreams : public GrpcClientTest {
 protected:
  /// Each request is a reply.
  void echo() {
    js_.on_request = [](const EventView&) {};
    js_.on_stream = [this](const EventView& event) {
      if (event.kind == EventKind::kMessage) {
        js_.message(event.id_low, event.id_high, event.payload);
        js_.taken(event.id_low, event.id_high, event.payload.size() + rpc::kMessageOverhead);
      } else if (event.kind == EventKind::kHalfClose) {
        js_.finish(event.id_low, event.id_high);
        js_.end(event.id_low, event.id_high);
      }
    };
  }
};

TEST_F(GrpcClientStreams, EchoesEachRequest) {
  const auto endpoint = connect(serve({}, MethodKind::kBidi), client_options(), MethodKind::kBidi);
  echo();
  const auto call = js_.call(endpoint, {.open = true});
  for (const std::string_view body : {"one", "", "three"}) js_.request_message(call, as_bytes(body));
  ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).messages.size() == 3; }));
  EXPECT_FALSE(js_.outcome(call).ended);
  js_.request_message(call, as_bytes("four"));
  js_.request_end(call);
  ASSERT_TRUE(pump_ended(1));
  const auto& outcome = js_.outcome(call);
  EXPECT_TRUE(outcome.ok) << outcome.text;
  EXPECT_EQ(outcome.headers.size(), 1U);
  ASSERT_EQ(outcome.messages.size(), 4U);
  EXPECT_EQ(as_text(outcome.messages[0]), "one");
  EXPECT_EQ(as_text(outcome.messages[1]), "");
  EXPECT_EQ(as_text(outcome.messages[3]), "four");
}

TEST_F(GrpcClientStreams, CountsTheRequestsThatWaitForAConnection) {
  const auto endpoint = connect(serve({}, MethodKind::kBidi), client_options(), MethodKind::kBidi);
  echo();
  const auto good = js_.call(endpoint, {.open = true});
  const auto bad = js_.call(endpoint, {.metadata = {"\0te\0x\0", 6}, .open = true});
  const auto cancelled = js_.call(endpoint, {.open = true});
  for (const auto call : {good, bad, cancelled}) js_.request_message(call, as_bytes("hello"));
  js_.request_end(good);
  js_.cancel(cancelled);
  ASSERT_TRUE(pump_ended(2));
  EXPECT_TRUE(js_.outcome(good).ok) << js_.outcome(good).text;
  EXPECT_EQ(js_.outcome(bad).status.code, Code::kInternal);
  EXPECT_EQ(channel_->counters.waiting_bytes.load(), 0);
  EXPECT_EQ(channel_->calls.in_flight(), 0);
}

TEST_F(GrpcClientStreams, StopsAServerWhoseRepliesNobodyTakes) {
  const auto endpoint = connect(serve({}, MethodKind::kServerStream), client_options(), MethodKind::kServerStream);
  const Bytes reply(1000, 'x');
  js_.on_request = [&](const EventView& event) {
    for (int i = 0; i < 200; ++i) js_.message(event.id_low, event.id_high, reply);
    js_.finish(event.id_low, event.id_high);
    js_.end(event.id_low, event.id_high);
  };
  const auto call = js_.call(endpoint, {.body = "all"});
  const std::size_t window = h2::kDefaultWindow / (reply.size() + rpc::kMessageOverhead);
  ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).messages.size() == window; }));
  EXPECT_FALSE(js_.outcome(call).ended);
  std::size_t taken = 0;
  ASSERT_TRUE(js_.pump_until([&] {
    const auto come = js_.outcome(call).messages.size();
    if (come > taken) js_.replies_taken(call, (come - taken) * (reply.size() + rpc::kMessageOverhead));
    taken = come;
    js_.flush();
    return js_.outcome(call).ended;
  }));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  EXPECT_EQ(js_.outcome(call).messages.size(), 200U);
}

TEST_F(GrpcClientStreams, LetsInAReplyLongerThanTheWindow) {
  const auto endpoint = connect(serve({}, MethodKind::kServerStream), client_options(), MethodKind::kServerStream);
  const Bytes reply(700'000, 'x');
  js_.on_request = [&](const EventView& event) {
    js_.message(event.id_low, event.id_high, reply);
    js_.message(event.id_low, event.id_high, reply);
    js_.finish(event.id_low, event.id_high);
    js_.end(event.id_low, event.id_high);
  };
  const auto call = js_.call(endpoint, {.body = "all"});
  ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).messages.size() == 1; }));
  EXPECT_FALSE(js_.outcome(call).ended);
  js_.replies_taken(call, reply.size() + rpc::kMessageOverhead);
  ASSERT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  EXPECT_TRUE(js_.outcome(call).messages.back() == reply);
}

TEST_F(GrpcClientStreams, TellsOfRoomAsRequestsAreTaken) {
  const auto endpoint = connect(serve({}, MethodKind::kClientStream), client_options(), MethodKind::kClientStream);
  std::size_t come = 0;
  js_.on_request = [](const EventView&) {};
  std::pair<std::uint32_t, std::uint32_t> id;
  js_.on_stream = [&](const EventView& event) {
    id = {event.id_low, event.id_high};
    if (event.kind == EventKind::kMessage) ++come;
    if (event.kind == EventKind::kHalfClose) js_.reply(event.id_low, event.id_high, as_bytes("done"));
  };
  const auto call = js_.call(endpoint, {.open = true});
  const Bytes body(1000, 'x');
  const std::size_t each = body.size() + rpc::kMessageOverhead;
  for (int i = 0; i < 60; ++i) js_.request_message(call, body);
  ASSERT_TRUE(js_.pump_until([&] { return come == 60; }));
  const std::size_t first_room = js_.outcome(call).room;
  EXPECT_GE(first_room, rpc::kStreamRoomBytes / 2U);
  for (int i = 0; i < 60; ++i) js_.request_message(call, body);
  // What the server does not take leaves no room.
  ASSERT_TRUE(js_.pump_until([&] { return come == h2::kDefaultWindow / each; }));
  js_.taken(id.first, id.second, come * each);
  ASSERT_TRUE(js_.pump_until([&] { return come == 120; }));
  EXPECT_GE(js_.outcome(call).room, 2 * first_room);
  js_.request_end(call);
  ASSERT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  ASSERT_EQ(js_.outcome(call).messages.size(), 1U);
  EXPECT_EQ(as_text(js_.outcome(call).messages[0]), "done");
}

TEST_F(GrpcClientStreams, TakesAnAnswerBeforeItsRequestsEnd) {
  const auto endpoint = connect(serve({}, MethodKind::kBidi), client_options(), MethodKind::kBidi);
  js_.on_request = [this](const EventView& event) {
    js_.finish(event.id_low, event.id_high);
    js_.end(event.id_low, event.id_high);
  };
  const auto call = js_.call(endpoint, {.open = true});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  js_.request_message(call, as_bytes("late"));
  js_.request_end(call);
  js_.replies_taken(call, 10);
  js_.cancel(call);
  const auto other = js_.call(endpoint, {.open = true});
  ASSERT_TRUE(pump_ended(2));
  EXPECT_TRUE(js_.outcome(other).ok) << js_.outcome(other).text;
  EXPECT_EQ(channel_->counters.connects.load(), 1U);
}

TEST_F(GrpcClientStreams, TellsTheServerOfACancelledCall) {
  const auto endpoint = connect(serve({}, MethodKind::kBidi), client_options(), MethodKind::kBidi);
  js_.on_request = [](const EventView&) {};
  const auto call = js_.call(endpoint, {.open = true});
  js_.request_message(call, as_bytes("one"));
  ASSERT_TRUE(js_.pump_until([&] { return js_.requests == 1; }));
  js_.cancel(call);
  ASSERT_TRUE(js_.pump_until([&] { return js_.aborts == 1; }));
  EXPECT_EQ(channel_->calls.in_flight(), 0);
}

TEST_F(GrpcClientStreams, EndsWithTheErrorBehindItsReplies) {
  const auto endpoint = connect(serve({}, MethodKind::kServerStream), client_options(), MethodKind::kServerStream);
  js_.on_request = [this](const EventView& event) {
    js_.message(event.id_low, event.id_high, as_bytes("one"));
    js_.fail_with(event.id_low, event.id_high, {Code::kAborted}, "enough");
  };
  const auto call = js_.call(endpoint, {.body = "all"});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_EQ(js_.outcome(call).messages.size(), 1U);
  EXPECT_EQ(js_.outcome(call).status.code, Code::kAborted);
  EXPECT_EQ(js_.outcome(call).text, "enough");
}

}  // namespace
}  // namespace rocket::test
