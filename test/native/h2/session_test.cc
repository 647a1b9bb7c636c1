#include "h2/server_session.h"

#include <gtest/gtest.h>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

using Sent = h2::Session::Sent;

TEST(Session, ServesAUnaryCall) {
  SessionFixture h2;
  EXPECT_EQ(h2.take_written(), (Lines{"0 SETTINGS", "0 WINDOW_UPDATE 983041"}));
  h2.feed(text_bytes(h2::kPreface) + settings());
  EXPECT_EQ(h2.take_written(), Lines{"0 SETTINGS ack"});
  EXPECT_EQ(h2.feed(headers(1, false) + data(1, text_bytes("hello"), true)), (Lines{"request 1", "data 1 5 ended"}));
  EXPECT_EQ(h2.fields, (Lines{":method: POST", ":scheme: http", ":path: /s/m", "te: trailers"}));
  EXPECT_EQ(h2.session.reply(h2.stream(1), kReplyHeaders, hex("0000000003"), text_bytes("abc"), kReplyTrailers),
            Sent::kWritten);
  EXPECT_EQ(h2.take_written(), (Lines{"1 HEADERS :status=200", "1 DATA 8", "1 HEADERS grpc-status=0 ended"}));
  EXPECT_TRUE(h2.stream(1).closed());
  EXPECT_EQ(h2.session.stream_count(), 1U);
  h2.release(1);
  EXPECT_EQ(h2.session.stream_count(), 0U);
  EXPECT_EQ(h2.take_written(), Lines{});
}

TEST(Session, TakesFramesHoweverTheyAreCut) {
  const auto all = text_bytes(h2::kPreface) + settings() + headers(1, false) + ping() + data(1, Bytes(300, 'x')) +
                   headers(1, true, {{"x", "y"}});
  const Lines expected{"request 1", "data 1 300", "trailers 1"};
  for (std::size_t size = 1; size < all.size(); ++size) {
    SessionFixture h2;
    Lines seen;
    Bytes pending;
    for (std::size_t at = 0; at < all.size(); at += size) {
      const auto end = std::min(all.size(), at + size);
      pending.insert(pending.end(), all.begin() + static_cast<std::ptrdiff_t>(at),
                     all.begin() + static_cast<std::ptrdiff_t>(end));
      const auto events = h2.feed(pending);
      seen.insert(seen.end(), events.begin(), events.end());
      pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(h2.fed.consumed));
      EXPECT_TRUE(h2.fed.frame_bytes == 0 || h2.fed.frame_bytes > pending.size());
    }
    EXPECT_EQ(seen, expected) << size;
    EXPECT_TRUE(pending.empty());
  }
}

TEST(Session, RefusesWhatIsNoPreface) {
  for (std::size_t at = 0; at < h2::kPreface.size(); ++at) {
    SessionFixture h2;
    auto bytes = text_bytes(h2::kPreface);
    bytes[at] ^= 1;
    EXPECT_EQ(h2.feed(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1)),
              Lines{"error PROTOCOL_ERROR"});
  }
}

TEST(Session, WantsSettingsFirst) {
  const Bytes firsts[] = {ping(), headers(1, true), frame(h2::FrameType::kSettings, h2::kAck, 0), window_update(0, 1),
                          frame(static_cast<h2::FrameType>(99), 0, 0)};
  for (const auto& first : firsts) {
    SessionFixture h2;
    EXPECT_EQ(h2.feed(text_bytes(h2::kPreface) + first), Lines{"error PROTOCOL_ERROR"});
  }
}

TEST(Session, RefusesAnOversizedFrameByItsHead) {
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(hex("004001 00 00 00000001")), Lines{"error FRAME_SIZE_ERROR"});
}

TEST(Session, JoinsContinuations) {
  SessionFixture h2;
  h2.open();
  const auto block = block_of(kRequestFields);
  const auto cut = [&](std::size_t from, std::size_t to) {
    return Bytes(block.begin() + static_cast<std::ptrdiff_t>(from), block.begin() + static_cast<std::ptrdiff_t>(to));
  };
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kHeaders, h2::kEndStream, 1, cut(0, 3))), Lines{});
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kContinuation, 0, 1, {})), Lines{});
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kContinuation, 0, 1, cut(3, 30))), Lines{});
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kContinuation, h2::kEndHeaders, 1, cut(30, block.size()))),
            Lines{"request 1 ended"});
  EXPECT_EQ(h2.fields.size(), 4U);
}

TEST(Session, SplitsALongBlock) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, true));
  const auto block = block_of({{"x", std::string(40000, 'v')}});
  h2.session.send_headers(h2.stream(1), block, true);
  EXPECT_EQ(h2.take_written(), (Lines{"1 HEADERS begun ended", "1 CONTINUATION 16384", "1 CONTINUATION 7239"}));
}

TEST(Session, TellsThePeerOnceThatItUsesNoTable) {
  SessionFixture h2;
  h2.open(setting(h2::SettingId::kHeaderTableSize, 0) + setting(h2::SettingId::kHeaderTableSize, 4096));
  h2.feed(headers(1, true) + headers(3, true) + settings(setting(h2::SettingId::kHeaderTableSize, 100)));
  h2.take_written();
  h2.session.reply(h2.stream(1), hex("88"), hex("00"), {}, hex("88"));
  EXPECT_EQ(h2.written, hex("000002 01 04 00000001 20 88  000001 00 00 00000001 00  000001 01 05 00000001 88"));
  h2.written.clear();
  h2.session.send_headers(h2.stream(3), hex("88"), true);
  EXPECT_EQ(h2.written, hex("000001 01 05 00000003 88"));
}

TEST(Session, ResetsMalformedRequests) {
  using F = Fields;
  const F good = kRequestFields;
  const auto with = [&](const std::string& name, const std::string& value) {
    auto fields = good;
    fields.emplace_back(name, value);
    return fields;
  };
  const F cases[] = {
      {},
      {{":method", "POST"}},
      {{":method", "POST"}, {":scheme", "http"}},
      {{":method", "POST"}, {":path", "/"}},
      {{":scheme", "http"}, {":path", "/"}},
      {{":method", ""}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "POST"}, {":scheme", "http"}, {":path", ""}},
      {{":method", "POST"}, {":scheme", "http"}, {":path", "s/m"}},
      {{":method", "POST"}, {":method", "POST"}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "POST"}, {":scheme", "http"}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":path", "/"}},
      {{":method", "POST"}, {"x", "y"}, {":scheme", "http"}, {":path", "/"}},
      {{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}},
      {{":method", "CONNECT"}},
      {{":method", "CONNECT"}, {":protocol", "websocket"}, {":authority", "a"}},
      with(":authority", "behind"),
      with(":status", "200"),
      with(":unknown", "x"),
      with("X-Upper", "x"),
      with("", "x"),
      with("with space", "x"),
      with("x:y", "x"),
      with("x", "a\nb"),
      with("x", "a\rb"),
      with("x", std::string("a\0b", 3)),
      with("connection", "close"),
      with("keep-alive", "1"),
      with("proxy-connection", "x"),
      with("transfer-encoding", "chunked"),
      with("upgrade", "x"),
      with("te", "gzip"),
      with("te", "trailers, gzip"),
      with("content-length", "x"),
      with("content-length", std::string(18, 0x7f)),
      with("content-length", ""),
      with("content-length", "-1"),
      with("content-length", "9999999999999999999"),
  };
  int i = 0;
  for (const auto& fields : cases) {
    SessionFixture h2;
    h2.open();
    EXPECT_EQ(h2.feed(headers(1, false, fields)), Lines{}) << i;
    EXPECT_EQ(h2.take_written(), Lines{"1 RST PROTOCOL_ERROR"}) << i;
    // It is forgotten: what was on its way is ignored, and the next request is served.
    EXPECT_EQ(h2.feed(data(1, text_bytes("x")) + headers(3, true)), Lines{"request 3 ended"}) << i++;
  }
  for (const auto& fields :
       {good, with("content-length", "0"), with("x", ""), with("x", " kept "), with("te", "trailers"),
        with("te", "Trailers"), F{{":method", "CONNECT"}, {":authority", "a"}},
        F{{":method", "OPTIONS"}, {":scheme", "http"}, {":path", "*"}}}) {
    SessionFixture h2;
    h2.open();
    EXPECT_EQ(h2.feed(headers(1, true, fields)), Lines{"request 1 ended"});
  }
}

TEST(Session, HoldsTheBodyAgainstContentLength) {
  const auto request = [](const char* length) {
    auto fields = kRequestFields;
    fields.emplace_back("content-length", length);
    return fields;
  };
  struct {
    const char* length;
    std::vector<std::size_t> parts;
    bool trailers;
    bool good;
  } const cases[] = {
      {"3", {3}, false, true},     {"3", {1, 2}, false, true},  {"3", {2}, false, false}, {"3", {4}, false, false},
      {"3", {1, 1}, false, false}, {"3", {2, 2}, false, false}, {"3", {3}, true, true},   {"3", {2}, true, false},
      {"0", {0}, false, true},     {"0", {1}, false, false},
  };
  for (const auto& c : cases) {
    SessionFixture h2;
    h2.open();
    auto bytes = headers(1, false, request(c.length));
    for (std::size_t i = 0; i < c.parts.size(); ++i)
      bytes = bytes + data(1, Bytes(c.parts[i], 'x'), !c.trailers && i + 1 == c.parts.size());
    if (c.trailers) bytes = bytes + headers(1, true, {{"x", "y"}});
    const auto last = h2.feed(bytes).back();
    EXPECT_EQ(last == "reset 1 PROTOCOL_ERROR", !c.good) << c.length << " " << last;
  }
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(headers(1, true, request("3"))), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{"1 RST PROTOCOL_ERROR"});
  auto twice = request("3");
  twice.emplace_back("content-length", "4");
  EXPECT_EQ(h2.feed(headers(3, false, twice)), Lines{});
}

TEST(Session, StopsAPeerThatHasItsAnswerAlready) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false));
  h2.session.send_headers(h2.stream(1), kReplyTrailers, true);
  EXPECT_FALSE(h2.stream(1).closed());
  h2.release(1);
  EXPECT_EQ(h2.take_written(), (Lines{"1 HEADERS grpc-status=0 ended", "1 RST NO_ERROR"}));
  EXPECT_EQ(h2.feed(data(1, text_bytes("late"))), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{});
}

TEST(Session, CutsOffAReplyThatIsLetGoOf) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, true));
  h2.session.send_headers(h2.stream(1), kReplyHeaders, false);
  h2.release(1);
  EXPECT_EQ(h2.take_written(), (Lines{"1 HEADERS :status=200", "1 RST CANCEL"}));
}

TEST(Session, ShutsDownInTwoSteps) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, true));
  h2.session.begin_shutdown();
  h2.session.begin_shutdown();
  EXPECT_EQ(h2.take_written(), (Lines{"0 GOAWAY 2147483647 NO_ERROR", "0 PING"}));
  // What was on its way is still served.
  EXPECT_EQ(h2.feed(headers(3, true)), Lines{"request 3 ended"});
  auto ack = frame(h2::FrameType::kPing, h2::kAck, 0, text_bytes("01234567"));
  EXPECT_EQ(h2.feed(ack), Lines{"ping ack"});
  EXPECT_EQ(h2.take_written(), Lines{});
  ack = frame(h2::FrameType::kPing, h2::kAck, 0, text_bytes("rocket") + hex("0001"));
  EXPECT_EQ(h2.feed(ack), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{"0 GOAWAY 3 NO_ERROR"});
  // And what comes behind that is not.
  EXPECT_EQ(h2.feed(headers(5, false) + data(5, text_bytes("x"), true)), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.session.send_headers(h2.stream(1), kReplyTrailers, true);
  EXPECT_EQ(h2.events, Lines{});
  h2.session.send_headers(h2.stream(3), kReplyTrailers, true);
  EXPECT_EQ(h2.events, Lines{"drained"});
  h2.session.finish_shutdown();
  EXPECT_EQ(h2.events, Lines{"drained"});
  h2.feed(headers(6, true));
  EXPECT_EQ(h2.take_written().back(), "0 GOAWAY 3 PROTOCOL_ERROR");
}

TEST(Session, ShutsDownAtOnceWhenIdle) {
  SessionFixture h2;
  h2.open();
  h2.session.begin_shutdown();
  h2.session.finish_shutdown();
  EXPECT_EQ(h2.events, Lines{"drained"});
}

TEST(Session, TellsThePeersGoawayAndAnswersPings) {
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(frame(h2::FrameType::kGoaway, 0, 0, be32(0) + be32(11) + text_bytes("calm"))),
            Lines{"goaway ENHANCE_YOUR_CALM calm"});
  h2.feed(ping());
  EXPECT_EQ(h2.written, frame(h2::FrameType::kPing, h2::kAck, 0, text_bytes("01234567")));
  EXPECT_FALSE(h2.session.settings_acknowledged());
  h2.feed(frame(h2::FrameType::kSettings, h2::kAck, 0));
  EXPECT_TRUE(h2.session.settings_acknowledged());
}

TEST(Session, KeepsWhatThePeerHasSet) {
  SessionFixture h2;
  h2.open(setting(h2::SettingId::kMaxHeaderListSize, 8192) + setting(static_cast<h2::SettingId>(0xfe03), 1));
  EXPECT_EQ(h2.session.peer_max_header_list(), 8192U);
}

TEST(Session, EndsTheConnectionOverABadBlock) {
  for (const char* bytes : {"80", "be", "40", "ff ff ff ff ff ff"}) {
    SessionFixture h2;
    h2.open();
    EXPECT_EQ(h2.feed(frame(h2::FrameType::kHeaders, h2::kEndHeaders, 1, hex(bytes))),
              Lines{"error COMPRESSION_ERROR"});
    EXPECT_EQ(h2.take_written(), Lines{"0 GOAWAY 1 COMPRESSION_ERROR"});
  }
}

TEST(Session, DecodesTheBlocksOfStreamsThatItDoesNotServe) {
  h2::Options options;
  options.max_streams = 1;
  SessionFixture h2(options);
  h2.open();
  h2.feed(headers(1, true));
  auto indexed = frame(h2::FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, 3, hex("40 01 78 01 79"));
  EXPECT_EQ(h2.feed(indexed), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{"3 RST REFUSED_STREAM"});
  h2.session.reset(h2.stream(1), h2::ErrorCode::kCancel);
  h2.release(1);
  h2.feed(frame(h2::FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, 5, block_of(kRequestFields) + hex("be")));
  EXPECT_EQ(h2.fields.back(), "x: y");
}

TEST(Session, IsSmall) { EXPECT_LE(sizeof(h2::ServerSession), 1024U); }

}  // namespace
}  // namespace rocket::test
