// Every state of a stream against every frame (RFC 9113, 5.1).
#include <gtest/gtest.h>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

enum State { kIdle, kOpen, kPeerEnded, kWeEnded, kBothEnded, kResetByPeer, kResetByUs, kStates };
constexpr const char* kStateNames[] = {"idle",       "open",          "peer ended", "we ended",
                                       "both ended", "reset by peer", "reset by us"};

/// Brings stream 1 into the state.
void reach(SessionFixture& h2, State state, bool released) {
  h2.open();
  if (state == kIdle) return;
  h2.feed(headers(1, state == kPeerEnded || state == kBothEnded));
  if (state == kWeEnded || state == kBothEnded) h2.session.send_headers(h2.stream(1), kReplyHeaders, true);
  if (state == kResetByPeer) h2.feed(rst(1));
  if (state == kResetByUs) h2.session.reset(h2.stream(1), h2::ErrorCode::kInternalError);
  if (released) h2.release(1);
  h2.take_written();
  h2.events.clear();
}

/// What a frame leads to: an error of the connection or the stream, or what the application hears of it.
std::string outcome(SessionFixture& h2, const Bytes& bytes) {
  const auto events = h2.feed(bytes);
  std::string out;
  for (const auto& line : h2.take_written()) {
    const auto what = line.substr(line.find(' ') + 1);
    if (what.starts_with("GOAWAY")) out += "connection " + what.substr(what.rfind(' ') + 1);
    if (what.starts_with("RST")) out += "stream " + what.substr(4);
  }
  if (!out.empty()) return out;
  for (const auto& event : events) out += (out.empty() ? "" : ", ") + event;
  return out.empty() ? "nothing" : out;
}

const std::string kConnProtocol = "connection PROTOCOL_ERROR";
const std::string kStreamClosed = "stream STREAM_CLOSED";
const std::string kConnClosed = "connection STREAM_CLOSED";
const std::string kNothing = "nothing";

struct Row {
  const char* frame;
  Bytes bytes;
  std::string expected[kStates];
};

std::vector<Row> rows() {
  const auto request = headers(1, true);
  return {
      {"DATA",
       data(1, text_bytes("abc")),
       {kConnProtocol, "data 1 3", kStreamClosed, "data 1 3", kStreamClosed, kStreamClosed, kNothing}},
      {"DATA, the last",
       data(1, text_bytes("abc"), true),
       {kConnProtocol, "data 1 3 ended", kStreamClosed, "data 1 3 ended", kStreamClosed, kStreamClosed, kNothing}},
      {"empty DATA, the last",
       data(1, {}, true),
       {kConnProtocol, "data 1 0 ended", kStreamClosed, "data 1 0 ended", kStreamClosed, kStreamClosed, kNothing}},
      {"HEADERS",
       headers(1, true, {{"x", "y"}}),
       {"stream PROTOCOL_ERROR", "trailers 1", kStreamClosed, "trailers 1", kConnClosed, kConnClosed, kNothing}},
      {"HEADERS of a request",
       request,
       {"request 1 ended", "stream PROTOCOL_ERROR", kStreamClosed, "stream PROTOCOL_ERROR", kConnClosed, kConnClosed,
        kNothing}},
      {"HEADERS that do not end",
       headers(1, false, {{"x", "y"}}),
       {"stream PROTOCOL_ERROR", "stream PROTOCOL_ERROR", kStreamClosed, "stream PROTOCOL_ERROR", kConnClosed,
        kConnClosed, kNothing}},
      {"PRIORITY",
       frame(h2::FrameType::kPriority, 0, 1, hex("00000000 10")),
       {kNothing, kNothing, kNothing, kNothing, kNothing, kNothing, kNothing}},
      {"PRIORITY on itself",
       frame(h2::FrameType::kPriority, 0, 1, hex("00000001 10")),
       {kConnProtocol, "stream PROTOCOL_ERROR", "stream PROTOCOL_ERROR", "stream PROTOCOL_ERROR",
        "stream PROTOCOL_ERROR", "stream PROTOCOL_ERROR", "stream PROTOCOL_ERROR"}},
      {"RST_STREAM",
       rst(1),
       {kConnProtocol, "reset 1 CANCEL by peer", "reset 1 CANCEL by peer", "reset 1 CANCEL by peer", kNothing, kNothing,
        kNothing}},
      {"WINDOW_UPDATE",
       window_update(1, 1),
       {kConnProtocol, kNothing, kNothing, kNothing, kNothing, kNothing, kNothing}},
      {"WINDOW_UPDATE past 2^31-1",
       window_update(1, 0x7fffffff),
       {kConnProtocol, "stream FLOW_CONTROL_ERROR", "stream FLOW_CONTROL_ERROR", "stream FLOW_CONTROL_ERROR", kNothing,
        kNothing, kNothing}},
      {"CONTINUATION",
       frame(h2::FrameType::kContinuation, h2::kEndHeaders, 1, hex("82")),
       {kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol}},
      {"PUSH_PROMISE",
       frame(h2::FrameType::kPushPromise, h2::kEndHeaders, 1, hex("00000002")),
       {kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol, kConnProtocol}},
      {"an unknown frame",
       frame(static_cast<h2::FrameType>(0x77), 0xff, 1, hex("0102")),
       {kNothing, kNothing, kNothing, kNothing, kNothing, kNothing, kNothing}},
  };
}

TEST(SessionStates, EachTakesEachFrameAsTheRfcSays) {
  for (const auto& row : rows()) {
    for (int state = kIdle; state < kStates; ++state) {
      SessionFixture h2;
      reach(h2, static_cast<State>(state), false);
      EXPECT_EQ(outcome(h2, row.bytes), row.expected[state]) << row.frame << ", " << kStateNames[state];
    }
  }
}

TEST(SessionStates, AreTheSameForTheWireWhenTheApplicationHasLetGo) {
  for (const auto& row : rows()) {
    for (const auto state : {kBothEnded, kResetByPeer, kResetByUs}) {
      SessionFixture h2;
      reach(h2, state, true);
      EXPECT_EQ(h2.session.stream_count(), 0U);
      EXPECT_EQ(outcome(h2, row.bytes), row.expected[state]) << row.frame << ", " << kStateNames[state];
    }
  }
}

/// One application error and one frame after the other: no order of them breaks an invariant.
TEST(SessionStates, NothingIsHeardAfterAnErrorOfTheConnection) {
  for (const auto& row : rows()) {
    SessionFixture h2;
    reach(h2, kOpen, false);
    h2.session.fail(h2::ErrorCode::kInternalError, "test");
    h2.take_written();
    EXPECT_EQ(h2.feed(row.bytes), Lines{}) << row.frame;
    EXPECT_EQ(h2.fed.consumed, row.bytes.size());
    h2.session.send_headers(h2.stream(1), kReplyHeaders, false);
    EXPECT_EQ(h2.session.send_data(h2.stream(1), hex("00"), {}, true), h2::Session::Sent::kClosed);
    h2.session.reset(h2.stream(1), h2::ErrorCode::kCancel);
    h2.release(1);
    EXPECT_EQ(h2.take_written(), Lines{}) << row.frame;
    EXPECT_EQ(h2.session.stream_count(), 0U);
  }
}

TEST(SessionStates, IdsMustGrowAndBeOdd) {
  SessionFixture h2;
  h2.open();
  h2.feed(headers(5, true));
  EXPECT_EQ(outcome(h2, headers(3, true)), kConnProtocol);
  for (const std::uint32_t even : {2U, 4U, 0x7ffffffeU}) {
    SessionFixture other;
    other.open();
    EXPECT_EQ(outcome(other, headers(even, true)), kConnProtocol);
  }
  SessionFixture last;
  last.open();
  EXPECT_EQ(outcome(last, headers(0x7fffffff, true)), "request 2147483647 ended");
}

TEST(SessionStates, NothingComesBetweenHeadersAndContinuation) {
  for (const auto& row : rows()) {
    if (std::string(row.frame) == "CONTINUATION") continue;
    SessionFixture h2;
    h2.open();
    h2.feed(frame(h2::FrameType::kHeaders, 0, 1, hex("83")));
    EXPECT_EQ(outcome(h2, row.bytes), kConnProtocol) << row.frame;
  }
  SessionFixture h2;
  h2.open();
  h2.feed(frame(h2::FrameType::kHeaders, 0, 1, hex("83")));
  EXPECT_EQ(outcome(h2, frame(h2::FrameType::kContinuation, h2::kEndHeaders, 3, hex("86"))), kConnProtocol);
}

}  // namespace
}  // namespace rocket::test
