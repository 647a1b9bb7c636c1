// What a peer does to make a little of its own cost us much, and what an honest one does that looks like it.
#include <gtest/gtest.h>

#include <chrono>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

/// Feeds `bytes` until the connection ends, at most `most` times; returns how often it was taken.
int feed_until_error(SessionFixture& h2, int most, const Bytes& bytes) {
  for (int i = 0; i < most; ++i) {
    h2.feed(bytes);
    if (h2.session.closed()) return i;
    h2.written.clear();
  }
  return most;
}

TEST(SessionAttack, DataOnTheWayToManyStreamsThatWeHaveEndedIsNobodysFault) {
  h2::Options options;
  options.max_streams = 1024;
  SessionFixture h2(options);
  h2.open();
  // All are answered before their data have come, which go in turns as an honest client sends them.
  for (int i = 0; i < 500; ++i) {
    h2.feed(headers(odd(i), false));
    h2.session.send_headers(h2.stream(odd(i)), kReplyTrailers, true);
    h2.release(odd(i));
  }
  h2.take_written();
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < 500; ++i) EXPECT_EQ(h2.feed(data(odd(i), Bytes(100, 'x'), round == 3)), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{});
}

TEST(SessionAttack, TrailersOnTheWayToManyStreamsThatWeHaveEndedAreNobodysFault) {
  SessionFixture h2;
  h2.open();
  for (int i = 0; i < 200; ++i) {
    h2.feed(headers(odd(i), false));
    h2.session.send_headers(h2.stream(odd(i)), kReplyTrailers, true);
    h2.release(odd(i));
  }
  h2.take_written();
  // They change the table all the same.
  const auto late = frame(h2::FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, 1, hex("40 01 78 01 79"));
  EXPECT_EQ(h2.feed(late), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.feed(
      frame(h2::FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, odd(200), block_of(kRequestFields) + hex("be")));
  EXPECT_EQ(h2.fields.back(), "x: y");
  EXPECT_LT(feed_until_error(h2, 20'000, late), 20'000);
  EXPECT_EQ(h2.events, Lines{"error ENHANCE_YOUR_CALM"});
}

TEST(SessionAttack, AnEndOfAllStreamsInOneTurnIsNoFlood) {
  h2::Options options;
  options.max_streams = 3000;
  SessionFixture h2(options);
  h2.open();
  h2.unread = true;  // before the end of the turn nothing is written
  for (int i = 0; i < 3000; ++i) {
    h2.feed(headers(odd(i), false));
    h2.session.send_headers(h2.stream(odd(i)), kReplyTrailers, true);
    h2.release(odd(i));
    ASSERT_FALSE(h2.session.closed()) << i;
  }
}

/// Streams that wait for a window of more than the peer gives.
void fill(SessionFixture& h2, int streams) {
  for (int i = 0; i < streams; ++i) {
    h2.feed(headers(odd(i), true));
    h2.session.send_data(h2.stream(odd(i)), {}, Bytes(100'000, 'x'), true);
  }
  h2.take_written();
}

TEST(SessionAttack, WindowsOfOneByteAreNotPaidForByTheDataTheyLetOut) {
  h2::Options options;
  options.glitches = {.burst = 1000, .per_second = 0};
  SessionFixture h2(options);
  h2.open(setting(h2::SettingId::kInitialWindowSize, 0));
  fill(h2, 1);
  EXPECT_EQ(feed_until_error(h2, 5000, window_update(1, 1)), 1000);
  EXPECT_EQ(h2.events, Lines{"error ENHANCE_YOUR_CALM"});
  // One that gives what a frame needs may go on.
  SessionFixture honest(options);
  honest.open(setting(h2::SettingId::kInitialWindowSize, 0));
  honest.feed(headers(1, true));
  honest.session.send_data(honest.stream(1), {}, Bytes(5'000'000, 'x'), true);
  EXPECT_EQ(feed_until_error(honest, 2000, window_update(1, 1024) + window_update(0, 1024)), 2000);
}

TEST(SessionAttack, AWindowOfAllStreamsByteByByteIsPaidFor) {
  h2::Options options;
  options.glitches = {.burst = 10'000, .per_second = 0};
  SessionFixture h2(options);
  h2.open(setting(h2::SettingId::kInitialWindowSize, 0));
  fill(h2, 200);
  int frames = 0;
  for (std::uint32_t window = 1; !h2.session.closed() && window < 1000; ++window) {
    h2.feed(settings(setting(h2::SettingId::kInitialWindowSize, window)));
    frames += static_cast<int>(h2.take_written().size());
  }
  EXPECT_TRUE(h2.session.closed());
  EXPECT_LT(frames, 200'000);
}

TEST(SessionAttack, IdsThatAreChosenToCollideCostNoMoreThanOthers) {
  h2::Options options;
  options.max_streams = 16'384;
  const auto time_of = [&](std::uint32_t step) {
    SessionFixture h2(options);
    h2.open();
    std::uint32_t id = 1;
    for (int i = 0; i < 16'384; ++i, id += step) h2.feed(headers(id, false));
    EXPECT_EQ(h2.streams.size(), 16'384U);
    const auto begin = std::chrono::steady_clock::now();
    const Bytes first = data(1, text_bytes("x"));
    for (int i = 0; i < 20'000; ++i) h2.feed(first);
    return std::chrono::steady_clock::now() - begin;
  };
  const auto in_a_row = time_of(2);
  EXPECT_LT(time_of(2 * 16'384), 10 * in_a_row);
}

}  // namespace
}  // namespace rocket::test
