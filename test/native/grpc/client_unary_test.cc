// Unary calls by gRPC, through a link and its connections.
#include <tuple>

#include "grpc/client_fixture.h"

namespace rocket::test {
namespace {

using namespace std::string_literals;
using rpc::Code;

class GrpcClientUnary : public GrpcClientTest {
 protected:
  /// A call that a scripted server answers with these fields; what came of it.
  Outcome answered(std::function<void(H2Peer&, std::uint32_t)> answer) {
    const auto address = script([answer](H2Peer& peer) {
      peer.read_until([&] { return peer.of(1).ended; });
      answer(peer, 1);
      peer.read_to_end();
    });
    const auto call = js_.call(connect(address), {.body = "hello"});
    EXPECT_TRUE(pump_ended(1));
    js_.shut_down();
    return js_.outcome(call);
  }
};

TEST_F(GrpcClientUnary, CallsOurServer) {
  const auto endpoint = connect(serve());
  std::vector<std::size_t> calls;
  for (int i = 0; i < 1000; ++i) {
    const std::string body = "body " + std::to_string(i);
    calls.push_back(js_.call(endpoint, {.body = body}));
  }
  ASSERT_TRUE(pump_ended(1000));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_TRUE(js_.outcome(calls[i]).ok) << js_.outcome(calls[i]).text;
    EXPECT_EQ(as_text(js_.outcome(calls[i]).payload), "body " + std::to_string(i));
  }
}

TEST_F(GrpcClientUnary, CarriesLargeMessages) {
  const auto endpoint = connect(serve());
  const std::string body(3'000'000, 'x');
  const auto call = js_.call(endpoint, {.body = body});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_TRUE(as_text(js_.outcome(call).payload) == body) << js_.outcome(call).text;
}

TEST_F(GrpcClientUnary, SendsWhatGrpcWants) {
  H2Peer::Fields sent;
  Bytes data;
  const auto address = script([&](H2Peer& peer) {
    peer.read_until([&] { return peer.of(1).ended; });
    sent = peer.of(1).headers;
    data = peer.of(1).data;
    peer.reset(1);
    peer.read_to_end();
  });
  js_.call(connect(address), {.body = "hello", .timeout_ms = 5000, .metadata = "\0tenant\0blue\0key-bin\0aGk\0"s});
  ASSERT_TRUE(pump_ended(1));
  js_.shut_down();
  peer_.join();
  const auto field = [&](std::string_view name) {
    for (const auto& [each, value] : sent)
      if (each == name) return value;
    return "none"s;
  };
  EXPECT_EQ(field(":method"), "POST");
  EXPECT_EQ(field(":scheme"), "http");
  EXPECT_EQ(field(":path"), "/Echo/echo");
  EXPECT_EQ(field(":authority"), address);
  EXPECT_EQ(field("te"), "trailers");
  EXPECT_EQ(field("content-type"), "application/grpc");
  EXPECT_EQ(field("user-agent"), "rocket-rpc-node");
  EXPECT_EQ(field("grpc-accept-encoding"), "identity,deflate,gzip");
  EXPECT_EQ(field("tenant"), "blue");
  EXPECT_EQ(field("key-bin"), "aGk");
  EXPECT_EQ(field("grpc-timeout").back(), 'm');
  EXPECT_EQ(data, H2Peer::message("hello"));
}

TEST_F(GrpcClientUnary, HearsHeadersAndTrailersWithMetadata) {
  const auto outcome = answered([](H2Peer& peer, std::uint32_t stream) {
    auto headers = kHeaders;
    headers.emplace_back("begins", "now");
    peer.headers(stream, headers);
    peer.data(stream, H2Peer::message("reply"));
    peer.trailers(stream, {{"grpc-status", "0"}, {"ends", "then"}});
  });
  EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(outcome.headers, std::vector{"\0begins\0now\0"s});
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_EQ(as_text(outcome.messages[0]), "reply");
  EXPECT_EQ(outcome.trailers, "\0ends\0then\0"s);
}

TEST_F(GrpcClientUnary, HearsAnErrorWithItsMetadata) {
  const auto outcome = answered([](H2Peer& peer, std::uint32_t stream) {
    peer.trailers(stream, {{":status", "200"},
                           {"content-type", "application/grpc+proto"},
                           {"grpc-status", "5"},
                           {"grpc-message", "kein%20K%C3%A4se"},
                           {"grpc-status-details-bin", "aGk"}});
  });
  EXPECT_EQ(outcome.status.code, Code::kNotFound);
  EXPECT_EQ(outcome.text, "kein Käse");
  EXPECT_EQ(outcome.trailers, "\0grpc-status-details-bin\0aGk\0"s);
  EXPECT_EQ(outcome.flags & rpc::event_flag::kRequestWritten, rpc::event_flag::kRequestWritten);
}

struct Ending {
  const char* name;
  Code code;
  std::function<void(H2Peer&, std::uint32_t)> answer;
  bool refused = false;
};

TEST_F(GrpcClientUnary, MakesAStatusOfEveryEnd) {
  const auto http = [](const char* status) {
    return [status](H2Peer& peer, std::uint32_t stream) {
      peer.trailers(stream, {{":status", status}, {"content-type", "text/html"}});
    };
  };
  const auto reset = [](h2::ErrorCode code) {
    return [code](H2Peer& peer, std::uint32_t stream) { peer.reset(stream, code); };
  };
  const auto trailers = [](const H2Peer::Fields& fields) {
    return [fields](H2Peer& peer, std::uint32_t stream) {
      peer.headers(stream, kHeaders);
      peer.data(stream, H2Peer::message("reply"));
      peer.trailers(stream, fields);
    };
  };
  const auto body = [](const Bytes& bytes) {
    return [bytes](H2Peer& peer, std::uint32_t stream) {
      peer.headers(stream, kHeaders);
      if (!bytes.empty()) peer.data(stream, bytes);
      peer.trailers(stream, kOk);
    };
  };
  const std::vector<Ending> endings = {
      {"400", Code::kInternal, http("400")},
      {"401", Code::kUnauthenticated, http("401")},
      {"403", Code::kPermissionDenied, http("403")},
      {"404", Code::kUnimplemented, http("404")},
      {"429", Code::kUnavailable, http("429")},
      {"502", Code::kUnavailable, http("502")},
      {"503", Code::kUnavailable, http("503")},
      {"504", Code::kUnavailable, http("504")},
      {"418", Code::kUnknown, http("418")},
      {"200 but HTML", Code::kUnknown, http("200")},
      {"reset NO_ERROR", Code::kInternal, reset(h2::ErrorCode::kNoError)},
      {"reset INTERNAL_ERROR", Code::kInternal, reset(h2::ErrorCode::kInternalError)},
      {"reset REFUSED_STREAM", Code::kUnavailable, reset(h2::ErrorCode::kRefusedStream), true},
      {"reset CANCEL", Code::kCancelled, reset(h2::ErrorCode::kCancel)},
      {"reset ENHANCE_YOUR_CALM", Code::kResourceExhausted, reset(h2::ErrorCode::kEnhanceYourCalm)},
      {"reset INADEQUATE_SECURITY", Code::kPermissionDenied, reset(h2::ErrorCode::kInadequateSecurity)},
      {"no grpc-status", Code::kUnknown, trailers({{"some", "thing"}})},
      {"grpc-status is no number", Code::kUnknown, trailers({{"grpc-status", "ok"}})},
      {"grpc-status 99", Code::kUnknown, trailers({{"grpc-status", "99"}})},
      {"two statuses", Code::kUnknown, trailers({{"grpc-status", "5"}, {"grpc-status", "0"}})},
      {"an error behind a message", Code::kAborted, trailers({{"grpc-status", "10"}})},
      {"no message", Code::kInternal, body({})},
      {"two messages", Code::kInternal, body(H2Peer::message("one") + H2Peer::message("two"))},
      {"half a message", Code::kInternal, body(Bytes{0, 0, 0, 0, 9, 1})},
      {"a bad flag", Code::kInternal, body(H2Peer::message("one", 2))},
      {"too long a message", Code::kResourceExhausted, body(Bytes{0, 0x7f, 0, 0, 0, 1})},
      {"no trailers", Code::kInternal,
       [](H2Peer& peer, std::uint32_t stream) {
         peer.headers(stream, kHeaders);
         peer.data(stream, H2Peer::message("reply"), true);
       }},
      {"malformed headers", Code::kInternal,
       [](H2Peer& peer, std::uint32_t stream) {
         peer.headers(stream, {{"content-type", "application/grpc"}});
       }},
      {"large headers", Code::kResourceExhausted,
       [](H2Peer& peer, std::uint32_t stream) {
         auto fields = kHeaders;
         for (int i = 0; i < 160; ++i) fields.emplace_back("x-" + std::to_string(i), std::string(70, 'x'));
         peer.headers(stream, fields);
       }},
  };
  // Each in a call of one connection: none may harm another.
  const auto address = script([&](H2Peer& peer) {
    std::uint32_t stream = 1;
    for (const auto& ending : endings) {
      if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
      ending.answer(peer, stream);
      stream += 2;
    }
    peer.read_until([&] { return peer.of(stream).ended; });
    peer.headers(stream, kHeaders);
    peer.data(stream, H2Peer::message("fine"));
    peer.trailers(stream, kOk);
    peer.read_to_end();
  });
  const auto endpoint = connect(address);
  for (const auto& ending : endings) {
    const auto call = js_.call(endpoint, {.body = "hello"});
    ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).ended; })) << ending.name;
    const auto& outcome = js_.outcome(call);
    EXPECT_EQ(static_cast<int>(outcome.status.code), static_cast<int>(ending.code)) << ending.name << outcome.text;
    EXPECT_EQ(outcome.status.refused, ending.refused) << ending.name;
    EXPECT_FALSE(outcome.ok) << ending.name;
  }
  const auto call = js_.call(endpoint, {.body = "hello"});
  ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).ended; }));
  EXPECT_EQ(as_text(js_.outcome(call).payload), "fine");
  EXPECT_EQ(channel_->counters.connects.load(), 1U);
}

TEST_F(GrpcClientUnary, SaysHowAReplyIsCompressed) {
  const std::tuple<const char*, std::int32_t> encodings[] = {
      {"gzip", rpc::event_flag::kCompressed},
      {"deflate", rpc::event_flag::kCompressed | rpc::event_flag::kDeflate},
      {"snappy", 0},
      {"identity", 0},
  };
  const auto address = script([&](H2Peer& peer) {
    std::uint32_t stream = 1;
    for (const auto& [name, flags] : encodings) {
      if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
      auto headers = kHeaders;
      headers.emplace_back("grpc-encoding", name);
      peer.headers(stream, headers);
      peer.data(stream, H2Peer::message("packed", 1));
      peer.trailers(stream, kOk);
      stream += 2;
    }
    peer.read_to_end();
  });
  const auto endpoint = connect(address);
  for (const auto& [name, flags] : encodings) {
    const auto call = js_.call(endpoint, {.body = "hello"});
    ASSERT_TRUE(js_.pump_until([&] { return js_.outcome(call).ended; }));
    const auto& outcome = js_.outcome(call);
    EXPECT_EQ(outcome.ok, flags != 0) << name;
    if (flags == 0) {
      EXPECT_EQ(outcome.status.code, Code::kInternal) << name;
    } else {
      ASSERT_EQ(outcome.messages.size(), 1U) << name;
      EXPECT_EQ(as_text(outcome.messages[0]), "packed");
      EXPECT_EQ(outcome.message_flags & (rpc::event_flag::kCompressed | rpc::event_flag::kDeflate), flags) << name;
    }
  }
}

TEST_F(GrpcClientUnary, TakesRepliesHoweverTheyAreSplit) {
  const auto outcome = answered([](H2Peer& peer, std::uint32_t stream) {
    peer.headers(stream, kHeaders);
    for (const auto byte : H2Peer::message("reply")) peer.data(stream, Bytes{byte});
    peer.trailers(stream, kOk);
  });
  EXPECT_TRUE(outcome.ok) << outcome.text;
  EXPECT_EQ(as_text(outcome.payload), "reply");
}

TEST_F(GrpcClientUnary, TellsTheServerWhenItGivesUp) {
  Monitor<int> resets;
  const auto address = script([&](H2Peer& peer) {
    for (const std::uint32_t stream : {1U, 3U}) {
      peer.read_until([&] { return peer.of(stream).reset.has_value(); });
      EXPECT_EQ(peer.of(stream).reset, h2::ErrorCode::kCancel);
      resets.change([](int& count) { ++count; });
    }
    peer.read_to_end();
  });
  const auto endpoint = connect(address);
  const auto late = js_.call(endpoint, {.body = "hello", .timeout_ms = 30});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_EQ(js_.outcome(late).status.code, Code::kDeadlineExceeded);
  const auto cancelled = js_.call(endpoint, {.body = "hello"});
  js_.flush();
  js_.cancel(cancelled);
  js_.flush();
  EXPECT_TRUE(resets.wait([](int count) { return count == 2; }));
  EXPECT_FALSE(js_.outcome(cancelled).ended);
}

TEST_F(GrpcClientUnary, TakesAServersCancelBehindTheDeadlineForTheDeadline) {
  constexpr SteadyMs kTimeout = 50;
  Signal stopped;
  Signal cancelled;
  const auto address = script([&](H2Peer& peer) {
    peer.read_until([&] { return peer.of(1).has_headers; });
    const SteadyMs late = steady_now_ms() + kTimeout + 1;
    // The turn's clock is read, and then its next handler is late.
    io::IoThread& io = js_.engine().lane(0).io;
    asio::post(io.context(), [&] {
      io.now();
      stopped.set();
      cancelled.wait();
    });
    stopped.wait();
    while (steady_now_ms() < late) std::this_thread::yield();
    peer.reset(1, h2::ErrorCode::kCancel);
    cancelled.set();
    peer.read_to_end();
  });
  const auto call = js_.call(connect(address), {.body = "hello", .timeout_ms = kTimeout});
  ASSERT_TRUE(pump_ended(1));
  EXPECT_EQ(js_.outcome(call).status.code, Code::kDeadlineExceeded) << js_.outcome(call).text;
}

TEST_F(GrpcClientUnary, RefusesMetadataThatCannotBeSent) {
  const auto endpoint = connect(serve());
  const auto reserved = js_.call(endpoint, {.body = "a", .metadata = "\0grpc-timeout\0001S\0"s});
  const auto large = js_.call(endpoint, {.body = "a", .metadata = "\0key\0"s + std::string(9000, 'x') + "\0"s});
  const auto good = js_.call(endpoint, {.body = "a"});
  ASSERT_TRUE(pump_ended(3));
  EXPECT_EQ(js_.outcome(reserved).status.code, Code::kInternal);
  EXPECT_EQ(js_.outcome(large).status.code, Code::kResourceExhausted);
  EXPECT_TRUE(js_.outcome(good).ok);
}

}  // namespace
}  // namespace rocket::test
