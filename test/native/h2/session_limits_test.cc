// Each limit against the attack that it is for: reached, and just not.
#include <gtest/gtest.h>

#include <functional>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

using h2::FrameType;
const Lines kCalmError{"error ENHANCE_YOUR_CALM"};
const Lines kNoEvents{};

/// Feeds `make(i)` until the connection ends, at most `most` times; returns how many were taken.
template <class Make>
int feed_until_error(SessionFixture& h2, int most, Make&& make) {
  for (int i = 0; i < most; ++i) {
    h2.feed(make(i));
    if (h2.session.closed()) {
      EXPECT_EQ(h2.events.back(), kCalmError[0]);
      EXPECT_TRUE(h2.take_written().back().ends_with("ENHANCE_YOUR_CALM"));
      return i;
    }
    h2.written.clear();
  }
  return most;
}

TEST(SessionLimits, RapidReset) {
  SessionFixture h2;
  h2.open();
  const auto taken = feed_until_error(h2, 5000, [&](int i) {
    if (i > 0) h2.release(odd(i - 1));
    return headers(odd(i), true) + rst(odd(i));
  });
  EXPECT_EQ(taken, 1000);
}

TEST(SessionLimits, ResetsThatWeAreMadeToSend) {
  const std::function<Bytes(int)> attacks[] = {
      [](int i) { return headers(odd(i), true) + window_update(odd(i), 0x7fffffff); },
      [](int i) { return headers(odd(i), true) + window_update(odd(i), 0); },
      [](int i) { return headers(odd(i), true) + data(odd(i), text_bytes("x")); },
      [](int i) { return headers(odd(i), true) + headers(odd(i), true); },
      [](int i) { return headers(odd(i), true) + frame(FrameType::kPriority, 0, odd(i), hex("00")); },
      [](int i) {
        return headers(odd(i), true, {{"x", "y"}});
      },
  };
  for (const auto& attack : attacks) {
    SessionFixture h2;
    h2.open();
    const auto taken = feed_until_error(h2, 5000, [&](int i) {
      if (i > 0 && h2.streams.contains(odd(i - 1))) h2.release(odd(i - 1));
      return attack(i);
    });
    EXPECT_EQ(taken, 1000);
  }
}

TEST(SessionLimits, BothKindsOfResetsShareTheirBucket) {
  SessionFixture h2;
  h2.open();
  const auto taken = feed_until_error(h2, 5000, [&](int i) {
    if (i > 0 && h2.streams.contains(odd(i - 1))) h2.release(odd(i - 1));
    return i % 2 == 0 ? headers(odd(i), true) + rst(odd(i)) : headers(odd(i), true, {{"x", "y"}});
  });
  EXPECT_EQ(taken, 1000);
}

TEST(SessionLimits, AClientThatCancelsHalfOfItsCallsIsServed) {
  SessionFixture h2;
  h2.open();
  const auto taken = feed_until_error(h2, 5000, [&](int i) {
    if (i > 0) {
      if (i % 2 == 1) h2.session.reply(h2.stream(odd(i - 1)), hex("88"), hex("00"), {}, hex("88"));
      h2.release(odd(i - 1));
    }
    return headers(odd(i), true) + (i % 2 == 1 ? rst(odd(i)) : Bytes{});
  });
  EXPECT_EQ(taken, 5000);
}

TEST(SessionLimits, TimeGivesResetsBack) {
  SessionFixture h2;
  h2.open();
  const auto taken = feed_until_error(h2, 2000, [&](int i) {
    if (i > 0) h2.release(odd(i - 1));
    if (i == 1000) h2.now += 1000;
    return headers(odd(i), true) + rst(odd(i));
  });
  // A token is for the one that asked.
  EXPECT_EQ(taken, 1000 + 33);
}

TEST(SessionLimits, ContinuationFlood) {
  for (const bool empty : {true, false}) {
    SessionFixture h2;
    h2.open();
    h2.feed(frame(FrameType::kHeaders, 0, 1, hex("83")));
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(h2.feed(frame(FrameType::kContinuation, 0, 1, empty ? Bytes{} : hex("83"))), kNoEvents);
    EXPECT_EQ(h2.feed(frame(FrameType::kContinuation, 0, 1)), kCalmError);
  }
  SessionFixture h2;
  h2.open();
  h2.feed(frame(FrameType::kHeaders, 0, 1, Bytes(16384, 0x82)));
  EXPECT_EQ(h2.feed(frame(FrameType::kContinuation, 0, 1, Bytes(16384, 0x82))), kNoEvents);
  EXPECT_EQ(h2.feed(frame(FrameType::kContinuation, 0, 1, Bytes(1, 0x82))), kCalmError);
}

TEST(SessionLimits, EightContinuationsAreTaken) {
  SessionFixture h2;
  h2.open();
  h2.feed(frame(FrameType::kHeaders, h2::kEndStream, 1, {}));
  for (int i = 0; i < 7; ++i) h2.feed(frame(FrameType::kContinuation, 0, 1));
  EXPECT_EQ(h2.feed(frame(FrameType::kContinuation, h2::kEndHeaders, 1, block_of(kRequestFields))),
            Lines{"request 1 ended"});
}

Fields request_of(std::size_t list_bytes) {
  Fields fields = kRequestFields;
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 32;
  fields.emplace_back("x", std::string(list_bytes - bytes - 33, 'v'));
  return fields;
}

TEST(SessionLimits, HeaderList) {
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(headers(1, true, request_of(8192))), Lines{"request 1 ended"});
  EXPECT_EQ(h2.fields.size(), 5U);
  EXPECT_EQ(h2.feed(headers(3, true, request_of(8193))), Lines{"request 3 ended too_large"});
  EXPECT_EQ(h2.fields.size(), 4U);
  EXPECT_EQ(h2.feed(headers(5, false)), Lines{"request 5"});
  EXPECT_EQ(h2.feed(headers(5, true, {{"x", std::string(8160, 'v')}})), Lines{"trailers 5 too_large"});
}

/// A literal of 4000 bytes that enters the table, and then an index of it again and again.
Bytes bomb(std::uint32_t id, int references) {
  Bytes block = block_of({{":method", "POST"}, {":scheme", "http"}, {":path", "/"}});
  auto entry = block_of({{"n", std::string(4000, 'v')}});
  entry[0] = 0x40;
  block = block + entry + Bytes(static_cast<std::size_t>(references), 0xbe);
  return frame(FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, id, block);
}

TEST(SessionLimits, HpackBomb) {
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(bomb(1, 2)), Lines{"request 1 ended too_large"});
  EXPECT_EQ(h2.feed(bomb(3, 7)), Lines{"request 3 ended too_large"});
  // The table is as it should be.
  h2.feed(frame(FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, 5, block_of(kRequestFields) + hex("be")));
  EXPECT_EQ(h2.fields.back(), "n: " + std::string(4000, 'v'));
  EXPECT_EQ(h2.feed(bomb(7, 8)), kCalmError);
  // The same for a request that is refused anyway.
  h2::Options options;
  options.max_streams = 0;
  SessionFixture other(options);
  other.open();
  EXPECT_EQ(other.feed(bomb(1, 7)), kNoEvents);
  EXPECT_EQ(other.feed(bomb(3, 12000)), kCalmError);
}

TEST(SessionLimits, SettingsEntries) {
  Bytes entries;
  for (int i = 0; i < 32; ++i) entries = entries + setting(static_cast<h2::SettingId>(0x100 + i), 0);
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(settings(entries)), kNoEvents);
  EXPECT_EQ(h2.feed(settings(entries + setting(h2::SettingId::kEnablePush, 0))), kCalmError);
}

TEST(SessionLimits, AnswersThatAreNotRead) {
  const std::function<Bytes(int)> attacks[] = {
      [](int) { return ping(); },
      [](int) { return settings(); },
      [](int i) {
        return headers(odd(i), true, {{"x", "y"}});
      },
  };
  h2::Options options;
  options.min_ping_interval = Millis(0);
  options.resets.burst = 5000;
  for (const auto& attack : attacks) {
    SessionFixture h2(options);
    h2.open();
    h2.unread = true;
    // The acknowledgement of the first SETTINGS is one of the thousand.
    EXPECT_EQ(feed_until_error(h2, 5000, attack), 999);
    // One that reads may have many more.
    SessionFixture reads(options);
    reads.open();
    EXPECT_EQ(feed_until_error(reads, 4000, attack), 4000);
  }
}

TEST(SessionLimits, FramesThatSayLittle) {
  struct {
    const char* what;
    Bytes bytes;
    int taken;
  } const attacks[] = {
      {"PING", ping(), 998},  // SETTINGS of the beginning, and the stream's
      {"PING acknowledged", frame(FrameType::kPing, h2::kAck, 0, text_bytes("01234567")), 999},
      {"SETTINGS", settings(), 999},
      {"SETTINGS acknowledged", frame(FrameType::kSettings, h2::kAck, 0), 999},
      {"SETTINGS with an entry", settings(setting(h2::SettingId::kInitialWindowSize, 5)), 499},
      {"PRIORITY", frame(FrameType::kPriority, 0, 1, hex("00000000 10")), 999},
      {"PRIORITY of an idle stream", frame(FrameType::kPriority, 0, 99, hex("00000000 10")), 999},
      {"empty DATA", data(1, {}), 999},
      {"DATA of padding", frame(FrameType::kData, h2::kPadded, 1, hex("02 00 00")), 999},
      {"unknown", frame(static_cast<FrameType>(50), 0, 0, text_bytes("x")), 999},
      {"WINDOW_UPDATE", window_update(0, 1), 999},
      {"WINDOW_UPDATE of a stream", window_update(1, 1), 999},
      {"GOAWAY", frame(FrameType::kGoaway, 0, 0, be32(0) + be32(0)), 999},
  };
  h2::Options options;
  options.min_ping_interval = Millis(0);
  options.glitches.burst = 1000;
  for (const auto& attack : attacks) {
    SessionFixture h2(options);
    h2.open();
    h2.feed(headers(1, false));
    const auto taken = feed_until_error(h2, 2500, [&](int) { return attack.bytes; });
    EXPECT_NEAR(taken, attack.taken, 2) << attack.what;
    // 330 come back in a second.
    SessionFixture slow(options);
    slow.open();
    slow.feed(headers(1, false));
    const auto slowly = [&](int) {
      slow.now += 7;
      return attack.bytes;
    };
    EXPECT_EQ(feed_until_error(slow, 2500, slowly), 2500) << attack.what;
  }
}

TEST(SessionLimits, RequestsBehindTheLastGoaway) {
  SessionFixture h2;
  h2.open();
  h2.session.finish_shutdown();
  EXPECT_NEAR(feed_until_error(h2, 20000, [&](int i) { return headers(odd(i), true); }), 9999, 2);
}

TEST(SessionLimits, WindowUpdatesThatComeWithCallsAreNoGlitches) {
  SessionFixture h2;
  h2.open();
  const auto taken = feed_until_error(h2, 5000, [&](int i) {
    if (i > 0) {
      h2.session.reply(h2.stream(odd(i - 1)), hex("88"), hex("00"), {}, hex("88"));
      h2.release(odd(i - 1));
    }
    return headers(odd(i), true) + window_update(0, 1) + window_update(odd(i), 1) + ping();
  });
  EXPECT_EQ(taken, 5000);
}

TEST(SessionLimits, Streams) {
  h2::Options options;
  options.max_streams = 3;
  SessionFixture h2(options);
  h2.open();
  EXPECT_EQ(h2.feed(headers(1, false) + headers(3, true) + headers(5, true)).size(), 3U);
  EXPECT_EQ(h2.feed(headers(7, true)), kNoEvents);
  EXPECT_EQ(h2.take_written(), Lines{"7 RST REFUSED_STREAM"});
  // A stream that the peer has reset counts until its handler is done with it.
  EXPECT_EQ(h2.feed(rst(1) + headers(9, true)), Lines{"reset 1 CANCEL by peer"});
  EXPECT_EQ(h2.take_written(), Lines{"9 RST REFUSED_STREAM"});
  h2.release(1);
  EXPECT_EQ(h2.feed(headers(11, true)), Lines{"request 11 ended"});
}

TEST(SessionLimits, PingStrikes) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false));
  const auto after = [&](std::int64_t ms) {
    h2.now += ms;
    return h2.feed(ping());
  };
  EXPECT_EQ(after(0), kNoEvents);  // the first is free
  EXPECT_EQ(after(300'000), kNoEvents);
  EXPECT_EQ(after(299'999), kNoEvents);
  EXPECT_EQ(after(1), kNoEvents);
  // What we send forgives.
  h2.session.send_data(h2.stream(1), {}, text_bytes("x"), false);
  EXPECT_EQ(after(1), kNoEvents);
  EXPECT_EQ(after(1), kNoEvents);
  EXPECT_EQ(after(1), kNoEvents);
  EXPECT_EQ(after(1), kCalmError);
  EXPECT_EQ(h2.error, "too_many_pings");
  EXPECT_NE(as_text(h2.written).find("too_many_pings"), std::string::npos);
}

TEST(SessionLimits, PingStrikesOfAnIdleConnection) {
  SessionFixture h2;
  h2.open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(h2.feed(ping()), kNoEvents);
    h2.now += 7'199'999;
  }
  EXPECT_EQ(h2.feed(ping()), kCalmError);
  SessionFixture patient;
  patient.open();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(patient.feed(ping()), kNoEvents);
    patient.now += 7'200'000;
  }
}

}  // namespace
}  // namespace rocket::test
