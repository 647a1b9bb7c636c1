// Both directions of flow control.
#include <gtest/gtest.h>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

using Sent = h2::Session::Sent;

Bytes window_setting(std::uint32_t window) { return setting(h2::SettingId::kInitialWindowSize, window); }

TEST(SessionFlow, DataWaitsForTheStreamsWindow) {
  SessionFixture h2;
  h2.open(window_setting(10));
  h2.feed(headers(1, true));
  EXPECT_EQ(h2.session.send_data(h2.stream(1), hex("0102030405"), Bytes(20, 'x'), false), Sent::kQueued);
  h2.session.send_headers(h2.stream(1), kReplyTrailers, true);
  EXPECT_EQ(h2.take_written(), Lines{"1 DATA 10"});
  EXPECT_EQ(h2.session.queued_bytes(), 15U);
  h2.feed(window_update(1, 1));
  EXPECT_EQ(h2.take_written(), Lines{"1 DATA 1"});
  h2.feed(window_update(1, 14));
  EXPECT_EQ(h2.take_written(), (Lines{"1 DATA 14", "1 HEADERS grpc-status=0 ended"}));
  EXPECT_TRUE(h2.stream(1).closed());
  EXPECT_EQ(h2.session.queued_bytes(), 0U);
}

TEST(SessionFlow, TheLastDataEndsTheStream) {
  SessionFixture h2;
  h2.open(window_setting(10));
  h2.feed(headers(1, true) + headers(3, true) + headers(5, true));
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(10, 'x'), true), Sent::kWritten);
  EXPECT_EQ(h2.session.send_data(h2.stream(3), {}, Bytes(11, 'x'), true), Sent::kQueued);
  EXPECT_EQ(h2.session.send_data(h2.stream(5), {}, {}, true), Sent::kWritten);
  EXPECT_EQ(h2.session.send_data(h2.stream(5), {}, {}, true), Sent::kClosed);
  EXPECT_EQ(h2.take_written(), (Lines{"1 DATA 10 ended", "3 DATA 10", "5 DATA 0 ended"}));
  h2.feed(window_update(3, 1));
  EXPECT_EQ(h2.take_written(), Lines{"3 DATA 1 ended"});
  EXPECT_EQ(h2.events, Lines{});
}

TEST(SessionFlow, SettingsChangeTheWindowsOfOpenStreams) {
  SessionFixture h2;
  h2.open(window_setting(10));
  h2.feed(headers(1, true));
  h2.session.send_data(h2.stream(1), {}, Bytes(30, 'x'), false);
  h2.take_written();
  h2.feed(settings(window_setting(0)));  // the window is -10 now
  EXPECT_EQ(h2.take_written(), Lines{"0 SETTINGS ack"});
  h2.feed(window_update(1, 10));
  EXPECT_EQ(h2.take_written(), Lines{});
  EXPECT_EQ(h2.feed(settings(window_setting(25))), Lines{"writable 1"});
  EXPECT_EQ(h2.take_written(), (Lines{"0 SETTINGS ack", "1 DATA 20"}));
  // A change that makes a window too large ends the connection.
  h2.feed(window_update(1, 0x7fffffff - 5));
  EXPECT_EQ(h2.feed(settings(window_setting(26))), Lines{"error FLOW_CONTROL_ERROR"});
}

TEST(SessionFlow, StreamsTakeTurnsInTheConnectionsWindow) {
  SessionFixture h2;
  h2.open(window_setting(1'000'000));
  h2.feed(headers(1, true) + headers(3, true) + headers(5, true));
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(65535, 'x'), false), Sent::kWritten);
  h2.take_written();
  for (const std::uint32_t id : {1U, 3U, 5U})
    EXPECT_EQ(h2.session.send_data(h2.stream(id), {}, Bytes(20000, 'x'), false), Sent::kQueued);
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.feed(window_update(0, 100'000));
  EXPECT_EQ(h2.take_written(),
            (Lines{"1 DATA 16384", "3 DATA 16384", "5 DATA 16384", "1 DATA 3616", "3 DATA 3616", "5 DATA 3616"}));
  EXPECT_EQ(h2.events, (Lines{"writable 1", "writable 3", "writable 5"}));
}

TEST(SessionFlow, OneStreamsShutWindowHoldsUpNoOther) {
  SessionFixture h2;
  h2.open(window_setting(10));
  h2.feed(headers(1, true) + headers(3, true));
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(20, 'x'), false), Sent::kQueued);
  EXPECT_EQ(h2.session.reply(h2.stream(3), hex("88"), {}, Bytes(10, 'x'), hex("88")), Sent::kWritten);
  EXPECT_EQ(h2.take_written().size(), 4U);
}

TEST(SessionFlow, TheQueueIsBounded) {
  h2::Options options;
  options.max_stream_queue_bytes = 100;
  SessionFixture h2(options);
  h2.open(window_setting(0));
  h2.feed(headers(1, true));
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(99, 'x'), false), Sent::kQueued);
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(50, 'x'), false), Sent::kQueued);
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(1, 'x'), false), Sent::kFull);
  EXPECT_EQ(h2.session.queued_bytes(), 149U);
  EXPECT_EQ(h2.feed(window_update(1, 149)), Lines{"writable 1"});
  EXPECT_EQ(h2.session.send_data(h2.stream(1), {}, Bytes(1, 'x'), false), Sent::kQueued);
}

TEST(SessionFlow, ABackloggedSinkHoldsDataBack) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, true));
  h2.is_backlogged = true;
  EXPECT_EQ(h2.session.reply(h2.stream(1), hex("88"), {}, Bytes(10, 'x'), hex("88")), Sent::kQueued);
  EXPECT_EQ(h2.take_written(), Lines{"1 HEADERS :status=200"});
  h2.feed(window_update(0, 1));
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.is_backlogged = false;
  h2.session.on_writable();
  EXPECT_EQ(h2.take_written(), (Lines{"1 DATA 10", "1 HEADERS :status=200 ended"}));
}

TEST(SessionFlow, AReleasedStreamStillSendsWhatIsQueued) {
  SessionFixture h2;
  h2.open(window_setting(0));
  h2.feed(headers(1, true) + headers(3, false));
  for (const std::uint32_t id : {1U, 3U}) {
    h2.session.reply(h2.stream(id), hex("88"), {}, Bytes(10, 'x'), hex("88"));
    h2.release(id);
  }
  EXPECT_EQ(h2.session.stream_count(), 2U);
  h2.take_written();
  EXPECT_EQ(h2.feed(data(3, text_bytes("not heard"))), Lines{});
  EXPECT_EQ(h2.feed(window_update(1, 10) + window_update(3, 10)), Lines{});
  EXPECT_EQ(h2.take_written(), (Lines{"1 DATA 10", "1 HEADERS :status=200 ended", "3 DATA 10",
                                      "3 HEADERS :status=200 ended", "3 RST NO_ERROR"}));
  EXPECT_EQ(h2.session.stream_count(), 0U);
}

TEST(SessionFlow, AResetDropsTheQueue) {
  SessionFixture h2;
  h2.open(window_setting(0));
  h2.feed(headers(1, true) + headers(3, true));
  h2.session.send_data(h2.stream(1), {}, Bytes(10, 'x'), false);
  h2.session.send_data(h2.stream(3), {}, Bytes(10, 'x'), false);
  h2.feed(rst(1));
  h2.session.reset(h2.stream(3), h2::ErrorCode::kCancel);
  EXPECT_EQ(h2.session.queued_bytes(), 0U);
  EXPECT_EQ(h2.session.stalled_since(h2.now), std::nullopt);
  h2.feed(window_update(0, 100));
  EXPECT_EQ(h2.events, Lines{});
}

TEST(SessionFlow, TellsSinceWhenAStreamHasBeenStalled) {
  SessionFixture h2;
  h2.open(window_setting(0));
  h2.feed(headers(1, true) + headers(3, true));
  EXPECT_EQ(h2.session.stalled_since(100), std::nullopt);
  h2.session.send_data(h2.stream(1), {}, Bytes(10, 'x'), false);
  EXPECT_EQ(h2.session.stalled_since(200), 200);
  h2.session.send_data(h2.stream(3), {}, Bytes(10, 'x'), false);
  EXPECT_EQ(h2.session.stalled_since(300), 200);
  h2.feed(window_update(1, 1));
  EXPECT_EQ(h2.session.stalled_since(400), 300);
  h2.feed(window_update(3, 10));
  EXPECT_EQ(h2.session.stalled_since(500), 400);
  h2.feed(window_update(1, 9));
  EXPECT_EQ(h2.session.stalled_since(600), std::nullopt);
}

TEST(SessionFlow, AStreamsWindowIsGivenBackAsTheApplicationTakes) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false) + data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x')));
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.session.consume(h2.stream(1), 32766);
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.session.consume(h2.stream(1), 1);
  EXPECT_EQ(h2.take_written(), Lines{"1 WINDOW_UPDATE 32767"});
  // No more than has come.
  h2.session.consume(h2.stream(1), 1'000'000);
  EXPECT_EQ(h2.take_written(), Lines{});
  EXPECT_EQ(h2.feed(data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x')) + data(1, Bytes(16382, 'x'))).back(),
            "data 1 16382");
  EXPECT_EQ(h2.feed(data(1, Bytes(1, 'x'))), Lines{"reset 1 FLOW_CONTROL_ERROR"});
}

TEST(SessionFlow, AWindowIsToppedUpWhenLessThanHalfOfItIsOpen) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false) + data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x')));
  h2.session.consume(h2.stream(1), 10'000);
  h2.session.top_up(h2.stream(1));
  EXPECT_EQ(h2.take_written(), Lines{});
  h2.feed(data(1, Bytes(1, 'x')));
  h2.session.top_up(h2.stream(1));
  EXPECT_EQ(h2.take_written(), Lines{"1 WINDOW_UPDATE 10000"});
  // There is nothing more to give.
  h2.feed(data(1, Bytes(16384, 'x')));
  h2.session.top_up(h2.stream(1));
  EXPECT_EQ(h2.take_written(), Lines{});
  // Nor to a peer that sends no more.
  h2.session.consume(h2.stream(1), 10'000);
  h2.feed(data(1, {}, true));
  h2.session.top_up(h2.stream(1));
  EXPECT_EQ(h2.take_written(), Lines{});
}

TEST(SessionFlow, PaddingCountsAndIsGivenBack) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false));
  const auto padded = frame(h2::FrameType::kData, h2::kPadded, 1, Bytes{255} + Bytes(256, 'x'));
  Bytes many;
  for (int i = 0; i < 128; ++i) many = std::move(many) + padded;  // 32,896 bytes, of which 32,768 are padding
  EXPECT_EQ(h2.feed(many).size(), 128U);
  EXPECT_EQ(h2.take_written(), Lines{"1 WINDOW_UPDATE 32768"});
}

TEST(SessionFlow, TheConnectionsWindowIsGivenBackAsDataCome) {
  h2::Options options;
  options.connection_window = 65535;
  SessionFixture h2(options);
  h2.open();
  h2.feed(headers(1, false) + headers(3, false));
  h2.feed(data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x')));
  EXPECT_EQ(h2.take_written(), Lines{"0 WINDOW_UPDATE 32768"});
  // Also what nobody takes any more.
  h2.session.reset(h2.stream(1), h2::ErrorCode::kCancel);
  h2.take_written();
  EXPECT_EQ(h2.feed(data(1, Bytes(16384, 'x')) + data(1, Bytes(16384, 'x'))), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{"0 WINDOW_UPDATE 32768"});
}

TEST(SessionFlow, NoMoreThanTheStreamsWindowMayCome) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(1, false));
  for (int i = 0; i < 3; ++i) h2.feed(data(1, Bytes(16384, 'x')));
  EXPECT_EQ(h2.feed(data(1, Bytes(16383, 'x'))), Lines{"data 1 16383"});
  EXPECT_EQ(h2.feed(data(1, Bytes(1, 'x'))), Lines{"reset 1 FLOW_CONTROL_ERROR"});
}

TEST(SessionFlow, TheConnectionsSendWindowHasALimit) {
  SessionFixture h2;
  h2.open();
  EXPECT_EQ(h2.feed(window_update(0, 0x7fffffff - 65535)), Lines{});
  EXPECT_EQ(h2.feed(window_update(0, 1)), Lines{"error FLOW_CONTROL_ERROR"});
}

}  // namespace
}  // namespace rocket::test
