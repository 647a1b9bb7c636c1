// The client's side of HTTP/2.
#include "h2/client_session.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

const Fields kResponse = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kTrailers = {{"grpc-status", "0"}};

/// To the PING that measures how much arrives in a round trip.
const Bytes kWindowAnswer = frame(h2::FrameType::kPing, h2::kAck, 0, text_bytes(std::string_view("rocket\0\2", 8)));

Bytes goaway(std::uint32_t last, h2::ErrorCode code = h2::ErrorCode::kNoError, std::string_view text = {}) {
  return frame(h2::FrameType::kGoaway, 0, 0, be32(last) + be32(static_cast<std::uint32_t>(code)) + text_bytes(text));
}

TEST(ClientSession, SendsThePrefaceAndRefusesPushes) {
  ClientFixture h2;
  EXPECT_TRUE(as_text(h2.written).starts_with(h2::kPreface));
  EXPECT_EQ(h2.take_written(), (Lines{"0 SETTINGS", "0 WINDOW_UPDATE 983041"}));
  EXPECT_EQ(h2.feed(settings()), Lines{"settings"});
  EXPECT_EQ(h2.take_written(), Lines{"0 SETTINGS ack"});
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kPushPromise, h2::kEndHeaders, 1, be32(2))), Lines{"error PROTOCOL_ERROR"});
}

TEST(ClientSession, RefusesServersThatAllowPushes) {
  ClientFixture h2;
  EXPECT_EQ(h2.feed(settings(setting(h2::SettingId::kEnablePush, 1))), Lines{"error PROTOCOL_ERROR"});
  ClientFixture other;
  EXPECT_EQ(other.feed(settings(setting(h2::SettingId::kEnablePush, 0))), Lines{"settings"});
}

TEST(ClientSession, MakesACall) {
  ClientFixture h2;
  h2.open();
  const auto id = h2.request();
  EXPECT_EQ(id, 1U);
  EXPECT_EQ(h2.take_written(), (Lines{"1 HEADERS :method=POST :scheme=http :path=/s/m te=trailers", "1 DATA 3 ended"}));
  EXPECT_EQ(h2.feed(headers(1, false, kResponse)), Lines{"response 1 200"});
  EXPECT_EQ(h2.feed(data(1, text_bytes("hello"))), Lines{"data 1 5"});
  EXPECT_EQ(h2.feed(headers(1, true, kTrailers)), Lines{"trailers 1"});
  EXPECT_TRUE(h2.stream(1).closed());
  h2.release(1);
  EXPECT_EQ(h2.session.stream_count(), 0U);
  EXPECT_EQ(h2.request(), 3U);
}

TEST(ClientSession, PassesInformationalResponsesOver) {
  ClientFixture h2;
  h2.open();
  h2.request();
  EXPECT_EQ(h2.feed(headers(1, false, {{":status", "103"}, {"link", "x"}})), Lines{});
  EXPECT_EQ(h2.feed(headers(1, true, kResponse)), Lines{"response 1 200 ended"});
}

TEST(ClientSession, RefusesMalformedResponses) {
  const Fields malformed[] = {{{"content-type", "application/grpc"}},
                              {{":status", "20"}},
                              {{":status", "2oo"}},
                              {{":status", "200"}, {":status", "200"}},
                              {{":status", "200"}, {":status", "202"}, {":status", "206"}, {":status", "226"}},
                              {{":status", "200"}, {":path", "/"}},
                              {{"a", "b"}, {":status", "200"}},
                              {{":status", "200"}, {"Upper", "case"}},
                              {{":status", "200"}, {"connection", "close"}},
                              {{":status", "101"}}};
  for (const auto& fields : malformed) {
    ClientFixture h2;
    h2.open();
    h2.request();
    h2.take_written();
    EXPECT_EQ(h2.feed(headers(1, false, fields)), Lines{"reset 1 PROTOCOL_ERROR"}) << fields.back().first;
    EXPECT_EQ(h2.take_written(), Lines{"1 RST PROTOCOL_ERROR"});
  }
}

TEST(ClientSession, RefusesDataBeforeHeadersAndOverItsContentLength) {
  ClientFixture h2;
  h2.open();
  h2.request();
  EXPECT_EQ(h2.feed(data(1, text_bytes("x"))), Lines{"reset 1 PROTOCOL_ERROR"});
  h2.request();
  EXPECT_EQ(h2.feed(data(3, {}, true)), Lines{"reset 3 PROTOCOL_ERROR"});
  h2.request();
  h2.feed(headers(5, false, {{":status", "200"}, {"content-length", "2"}}));
  EXPECT_EQ(h2.feed(data(5, text_bytes("xyz"))), Lines{"reset 5 PROTOCOL_ERROR"});
}

TEST(ClientSession, TakesNothingOnStreamsThatItHasNotOpened) {
  for (const auto& bytes : {headers(1, true, kResponse), headers(2, true, kResponse), data(1, text_bytes("x")), rst(1),
                            window_update(1, 5)}) {
    ClientFixture h2;
    h2.open();
    EXPECT_EQ(h2.feed(bytes), Lines{"error PROTOCOL_ERROR"});
  }
}

TEST(ClientSession, KeepsToTheServersLimitOfStreams) {
  ClientFixture h2;
  EXPECT_EQ(h2.session.room(), 0U);  // until the server has said what it takes
  h2.open(setting(h2::SettingId::kMaxConcurrentStreams, 2));
  EXPECT_EQ(h2.session.room(), 2U);
  h2.request();
  h2.request();
  EXPECT_EQ(h2.session.room(), 0U);
  EXPECT_EQ(h2.feed(settings(setting(h2::SettingId::kMaxConcurrentStreams, 0))), Lines{"settings"});
  h2.feed(headers(1, true, kResponse));
  EXPECT_EQ(h2.session.room(), 0U);
  h2.feed(settings(setting(h2::SettingId::kMaxConcurrentStreams, 3)));
  EXPECT_EQ(h2.session.room(), 2U);
  h2.cancel(3);
  EXPECT_EQ(h2.session.room(), 3U);
}

TEST(ClientSession, LearnsFromGoawayWhatWasNotServed) {
  ClientFixture h2;
  h2.open();
  for (int i = 0; i < 3; ++i) h2.request();
  EXPECT_EQ(h2.feed(goaway(h2::kMaxStreamId)), Lines{"goaway NO_ERROR "});
  EXPECT_EQ(h2.session.room(), 0U);
  EXPECT_TRUE(h2.session.exhausted());
  EXPECT_EQ(h2.feed(goaway(1)),
            (Lines{"goaway NO_ERROR ", "reset 3 REFUSED_STREAM by peer", "reset 5 REFUSED_STREAM by peer"}));
  EXPECT_EQ(h2.feed(headers(1, true, kResponse)), (Lines{"drained", "response 1 200 ended"}));
}

TEST(ClientSession, IsDrainedByGoawayWithoutStreams) {
  ClientFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(goaway(0, h2::ErrorCode::kEnhanceYourCalm, "too_many_pings")),
            (Lines{"goaway ENHANCE_YOUR_CALM too_many_pings", "drained"}));
}

TEST(ClientSession, RunsOutOfIds) {
  auto options = ClientFixture::client_options();
  options.last_id = 5;
  ClientFixture h2(options);
  h2.open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(h2.session.exhausted());
    h2.request();
  }
  EXPECT_TRUE(h2.session.exhausted());
  EXPECT_EQ(h2.session.room(), 0U);
}

/// Calls that were given up may be answered for a round trip, however many they were.
TEST(ClientSession, ForgivesLateAnswersToAnyNumberOfCalls) {
  ClientFixture h2;
  h2.open();
  constexpr int kCalls = 20'000;
  for (int i = 0; i < kCalls; ++i) h2.cancel(h2.request());
  for (int i = 0; i < kCalls; ++i) {
    const auto id = odd(i);
    EXPECT_EQ(h2.feed(headers(id, false, kResponse) + data(id, text_bytes("x")) + headers(id, true, kTrailers)),
              Lines{});
    EXPECT_EQ(h2.feed(rst(id)), Lines{});
  }
  EXPECT_EQ(h2.request(), odd(kCalls));
}

TEST(ClientSession, SurvivesAnyNumberOfResets) {
  ClientFixture h2;
  h2.open();
  for (int i = 0; i < 5000; ++i) {
    const auto id = h2.request();
    EXPECT_EQ(h2.feed(rst(id, 7)).size(), 1U);
    h2.release(id);
  }
}

TEST(ClientSession, EndsConnectionsThatFloodIt) {
  {
    ClientFixture h2;
    h2.open();
    for (int i = 0; i < 20'000 && h2.error.empty(); ++i) h2.feed(ping());
    EXPECT_EQ(h2.error, "too many frames that say little");
  }
  {
    ClientFixture h2;
    h2.open();
    h2.request();
    for (int i = 0; i < 20'000 && h2.error.empty(); ++i) h2.feed(headers(1, false, {{":status", "100"}}));
    EXPECT_EQ(h2.error, "too many frames that say little");
  }
  {
    ClientFixture h2;
    h2.open();
    h2.request();
    h2.feed(frame(h2::FrameType::kHeaders, 0, 1, block_of(kResponse)));
    for (int i = 0; i < 20 && h2.error.empty(); ++i) h2.feed(frame(h2::FrameType::kContinuation, 0, 1, {}));
    EXPECT_EQ(h2.error, "too many CONTINUATION frames");
  }
  {
    ClientFixture h2;
    h2.open();
    h2.request();
    Fields bomb = kResponse;
    for (int i = 0; i < 12; ++i) bomb.emplace_back("x-" + std::to_string(i), std::string(1000, 'x'));
    EXPECT_EQ(h2.feed(headers(1, true, bomb)), Lines{"response 1 200 ended too_large"});
  }
}

TEST(ClientSession, EndsConnectionsThatMakeItWriteWithoutReading) {
  const Bytes faults[] = {frame(h2::FrameType::kPriority, 0, 1, {}),
                          frame(h2::FrameType::kPriority, 0, 1, be32(1) + Bytes(1)), data(1, text_bytes("x"))};
  for (const auto& fault : faults) {
    ClientFixture h2;
    h2.open();
    h2.request();
    h2.feed(headers(1, true, kResponse));
    h2.release(1);
    const std::size_t before = h2.written.size();
    for (int i = 0; i < 20'000 && h2.error.empty(); ++i) h2.feed(fault);
    EXPECT_LT(h2.written.size() - before, 20'000U);
    // DATA is forgiven on a stream that we have reset.
    EXPECT_EQ(h2.error.empty(), &fault == &faults[2]);
  }
  {
    ClientFixture h2;
    h2.open();
    h2.unread = true;
    for (int i = 0; i < 2000 && h2.error.empty(); ++i) h2.feed(ping());
    EXPECT_EQ(h2.error, "answers to control frames are not read");
  }
}

TEST(ClientSession, CancelsAnyNumberOfCallsOfAServerThatDoesNotRead) {
  ClientFixture h2;
  h2.open();
  h2.unread = true;
  for (int i = 0; i < 5000; ++i) h2.request();
  for (int i = 0; i < 5000; ++i) h2.cancel(odd(i));
  EXPECT_EQ(h2.error, "");
}

TEST(ClientSession, WidensItsWindowsWithWhatArrivesInARoundTrip) {
  auto options = ClientFixture::client_options();
  options.max_window = 1 << 20;
  ClientFixture h2(options);
  h2.open();
  h2.request();
  h2.feed(headers(1, false, kResponse));
  h2.take_written();
  const Bytes chunk(16'384);
  const auto receive = [&] {
    h2.feed(data(1, chunk));
    h2.session.consume(h2.stream(1), chunk.size());
  };
  const auto pinged = [&] {
    const auto written = h2.take_written();
    return std::find(written.begin(), written.end(), "0 PING") != written.end();
  };
  std::uint32_t before = h2.session.wanted_window();
  for (int round = 0; round < 8 && before < options.max_window; ++round) {
    // What comes first after they have grown was sent within the old ones.
    if (round > 0) {
      while (!pinged()) receive();
      h2.now += 50;
      h2.feed(kWindowAnswer);
    }
    while (!pinged()) receive();
    // A server that is limited by nothing but the window.
    for (auto left = before / chunk.size(); left > 0; --left) receive();
    h2.now += 50;
    h2.feed(kWindowAnswer);
    EXPECT_GT(h2.session.wanted_window(), before);
    before = h2.session.wanted_window();
  }
  EXPECT_EQ(before, options.max_window);
  EXPECT_TRUE(h2.error.empty());
}

TEST(ClientSession, MeasuresOnlyWhileDataArrives) {
  auto options = ClientFixture::client_options();
  options.max_window = 1 << 20;
  ClientFixture h2(options);
  h2.open();
  const auto pings = [&] {
    const auto written = h2.take_written();
    return std::count(written.begin(), written.end(), "0 PING");
  };
  const Bytes chunk(16'000);
  for (int i = 0; i < 4; ++i) {
    const auto id = h2.request();
    h2.feed(headers(id, false, kResponse));
    for (int k = 0; k < 4; ++k) h2.feed(data(id, chunk));
  }
  // All has come before anybody reads.
  std::ptrdiff_t sent = 0;
  for (int i = 0; i < 4; ++i) {
    h2.session.consume(h2.stream(odd(i)), 4 * chunk.size());
    sent += pings();
    h2.feed(kWindowAnswer);
  }
  EXPECT_EQ(sent, 1);
  h2.feed(data(1, chunk));
  h2.feed(data(1, chunk));
  h2.feed(data(1, Bytes(800)));
  h2.session.consume(h2.stream(1), 2 * chunk.size() + 800);
  EXPECT_EQ(pings(), 1);
}

TEST(ClientSession, MeasuresAFastStreamForAsLongAsItLasts) {
  auto options = ClientFixture::client_options();
  options.max_window = 1 << 20;
  ClientFixture h2(options);
  h2.open();
  h2.request();
  h2.feed(headers(1, false, kResponse));
  const Bytes chunk(16'384);
  for (int round = 0; round < 20'000 && h2.error.empty(); ++round) {
    for (int i = 0; i < 2; ++i) {
      h2.feed(data(1, chunk));
      h2.session.consume(h2.stream(1), chunk.size());
    }
    const auto written = h2.take_written();
    if (std::find(written.begin(), written.end(), "0 PING") != written.end()) h2.feed(kWindowAnswer);
  }
  EXPECT_EQ(h2.error, "");
}

TEST(ClientSession, IsEndedByAnswersToPingsThatItHasNotSent) {
  ClientFixture h2;
  h2.open();
  for (int i = 0; i < 20'000 && h2.error.empty(); ++i) h2.feed(kWindowAnswer);
  EXPECT_NE(h2.error, "");
}

TEST(ClientSession, LeavesItsWindowsWhenLittleArrives) {
  auto options = ClientFixture::client_options();
  options.max_window = 1 << 20;
  ClientFixture h2(options);
  h2.open();
  h2.request();
  h2.feed(headers(1, false, kResponse));
  for (int i = 0; i < 100; ++i) {
    h2.feed(data(1, Bytes(1000)));
    h2.session.consume(h2.stream(1), 1000);
    h2.now += 10;
    h2.feed(kWindowAnswer);
  }
  EXPECT_EQ(h2.session.wanted_window(), h2::kDefaultWindow);
}

TEST(ClientSession, WidensOnlyWindowsThatAreRead) {
  auto options = ClientFixture::client_options();
  options.max_window = 1 << 20;
  options.max_growth = 1 << 20;
  ClientFixture h2(options);
  h2.open();
  for (std::uint32_t i = 0; i < 4; ++i) h2.feed(headers(h2.request(), false, kResponse));
  h2.take_written();
  const Bytes chunk(16'384);
  for (int round = 0; round < 8; ++round) {
    for (const std::uint32_t id : {1, 3, 5}) {
      for (auto left = h2::Session::window_of(h2.stream(id)) / chunk.size() + 1; left > 0; --left) {
        h2.feed(data(id, chunk));
        h2.session.consume(h2.stream(id), chunk.size());
      }
    }
    h2.now += 50;
    h2.feed(kWindowAnswer);
  }
  const auto grown = [&](std::uint32_t id) { return h2::Session::window_of(h2.stream(id)) - h2::kDefaultWindow; };
  EXPECT_GT(grown(1), 0U);
  EXPECT_EQ(grown(7), 0U);
  EXPECT_LE(grown(1) + grown(3) + grown(5), options.max_growth);
  // The server still counts 64 KiB for those that are new.
  for (const auto& frame : h2.take_written()) EXPECT_EQ(frame.find("SETTINGS"), std::string::npos);
  EXPECT_EQ(h2.error, "");
}

}  // namespace
}  // namespace rocket::test
