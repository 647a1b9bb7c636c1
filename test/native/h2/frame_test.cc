#include "h2/frame.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace rocket::test {
namespace {

using h2::ErrorCode;
using h2::Fault;
using h2::FrameType;

constexpr std::uint32_t kMaxFrame = h2::kDefaultMaxFrameBytes;

struct ReadFrame {
  Fault fault;
  ByteSpan rest;  ///< of DATA and HEADERS
};

/// As the session reads a frame.
ReadFrame read_frame(const Bytes& frame) {
  const auto head = h2::read_frame_head(frame.data());
  ReadFrame out;
  out.fault = h2::check_frame_head(head, kMaxFrame);
  if (out.fault) return out;
  EXPECT_EQ(frame.size(), head.frame_bytes());
  const ByteSpan payload = ByteSpan(frame).subspan(h2::kFrameHeadBytes);
  if (head.is(FrameType::kData)) out.fault = h2::read_data(head, payload, out.rest);
  if (head.is(FrameType::kHeaders)) out.fault = h2::read_headers(head, payload, out.rest);
  if (head.is(FrameType::kPriority)) out.fault = h2::read_priority(head, payload);
  if (head.is(FrameType::kWindowUpdate)) {
    std::uint32_t increment = 0;
    out.fault = h2::read_window_update(head, payload, increment);
  }
  if (head.is(FrameType::kSettings)) {
    for (std::size_t at = 0; at < payload.size() && !out.fault; at += h2::kSettingBytes) {
      h2::Setting setting;
      out.fault = h2::read_setting(payload.data() + at, setting);
    }
  }
  return out;
}

Bytes whole_frame(FrameType type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload) {
  Bytes out(h2::kFrameHeadBytes);
  h2::write_frame_head(out.data(), payload.size(), type, flags, stream);
  return out + payload;
}

TEST(Frame, HeadsAreReadAsTheyAreWritten) {
  for (const std::uint32_t length : {0U, 1U, 16384U, 0xffffffU}) {
    for (const std::uint32_t stream : {0U, 1U, 0x7fffffffU}) {
      std::uint8_t bytes[h2::kFrameHeadBytes];
      EXPECT_EQ(h2::write_frame_head(bytes, length, FrameType::kContinuation, 0xa5, stream), bytes + sizeof bytes);
      const auto head = h2::read_frame_head(bytes);
      EXPECT_EQ(head.length, length);
      EXPECT_TRUE(head.is(FrameType::kContinuation));
      EXPECT_EQ(head.flags, 0xa5);
      EXPECT_EQ(head.stream, stream);
    }
  }
  const auto reserved = hex("000000 00 00 80000001");
  EXPECT_EQ(h2::read_frame_head(reserved.data()).stream, 1U);
}

TEST(Frame, EachKindHasItsFaults) {
  const auto none = ErrorCode::kNoError;
  const auto protocol = ErrorCode::kProtocolError;
  const auto size = ErrorCode::kFrameSizeError;
  const auto flow = ErrorCode::kFlowControlError;
  struct {
    const char* what;
    const char* bytes;
    ErrorCode code;
    bool of_stream = false;
  } const cases[] = {
      {"DATA", "000001 00 00 00000001 61", none},
      {"DATA, empty", "000000 00 01 00000001", none},
      {"DATA on 0", "000000 00 00 00000000", protocol},
      {"DATA padded", "000003 00 08 00000001 01 61 00", none},
      {"DATA of padding alone", "000003 00 08 00000001 02 00 00", none},
      {"DATA with a pad length alone", "000001 00 08 00000001 00", none},
      {"DATA with too much padding", "000003 00 08 00000001 03 00 00", protocol},
      {"DATA without its pad length", "000000 00 08 00000001", size},
      {"HEADERS", "000001 01 04 00000001 82", none},
      {"HEADERS on 0", "000001 01 04 00000000 82", protocol},
      {"HEADERS padded", "000003 01 0c 00000001 01 82 00", none},
      {"HEADERS with too much padding", "000002 01 0c 00000001 02 82", protocol},
      {"HEADERS without its pad length", "000000 01 0c 00000001", size},
      {"HEADERS with priority", "000006 01 24 00000003 00000001 10 82", none},
      {"HEADERS with exclusive priority", "000005 01 24 00000003 80000001 10", none},
      {"HEADERS too short for its priority", "000004 01 24 00000003 00000001", size},
      {"HEADERS, padded, too short for its priority", "000006 01 2c 00000003 01 00000001 00", size},
      {"HEADERS that depend on themselves", "000005 01 24 00000003 80000003 10", protocol, true},
      {"PRIORITY", "000005 02 00 00000003 00000000 10", none},
      {"PRIORITY on 0", "000005 02 00 00000000 00000001 10", protocol},
      {"PRIORITY too short", "000004 02 00 00000003 00000000", size, true},
      {"PRIORITY too long", "000006 02 00 00000003 00000000 10 00", size, true},
      {"PRIORITY that depends on itself", "000005 02 00 00000003 00000003 10", protocol, true},
      {"RST_STREAM", "000004 03 00 00000001 00000008", none},
      {"RST_STREAM on 0", "000004 03 00 00000000 00000008", protocol},
      {"RST_STREAM too short", "000003 03 00 00000001 000000", size},
      {"RST_STREAM too long", "000005 03 00 00000001 0000000000", size},
      {"SETTINGS", "000000 04 00 00000000", none},
      {"SETTINGS acknowledged", "000000 04 01 00000000", none},
      {"SETTINGS on a stream", "000000 04 00 00000001", protocol},
      {"SETTINGS acknowledged with entries", "000006 04 01 00000000 0001 00001000", size},
      {"SETTINGS of 5 bytes", "000005 04 00 00000000 0001 000010", size},
      {"SETTINGS of 7 bytes", "000007 04 00 00000000 0001 00001000 00", size},
      {"push neither on nor off", "000006 04 00 00000000 0002 00000002", protocol},
      {"push on", "000006 04 00 00000000 0002 00000001", none},
      {"largest window", "000006 04 00 00000000 0004 7fffffff", none},
      {"window too large", "000006 04 00 00000000 0004 80000000", flow},
      {"smallest frame size", "000006 04 00 00000000 0005 00004000", none},
      {"frame size too small", "000006 04 00 00000000 0005 00003fff", protocol},
      {"largest frame size", "000006 04 00 00000000 0005 00ffffff", none},
      {"frame size too large", "000006 04 00 00000000 0005 01000000", protocol},
      {"unknown setting", "000006 04 00 00000000 fe03 ffffffff", none},
      {"second of two is bad", "00000c 04 00 00000000 0001 00000000 0002 00000007", protocol},
      {"PUSH_PROMISE on 0", "000004 05 04 00000000 00000002", protocol},
      {"PING", "000008 06 00 00000000 0102030405060708", none},
      {"PING on a stream", "000008 06 00 00000001 0102030405060708", protocol},
      {"PING too short", "000007 06 00 00000000 01020304050607", size},
      {"PING too long", "000009 06 00 00000000 010203040506070809", size},
      {"GOAWAY", "000008 07 00 00000000 00000001 00000000", none},
      {"GOAWAY with text", "00000a 07 00 00000000 00000001 00000000 6869", none},
      {"GOAWAY on a stream", "000008 07 00 00000001 00000001 00000000", protocol},
      {"GOAWAY too short", "000007 07 00 00000000 00000001 000000", size},
      {"WINDOW_UPDATE", "000004 08 00 00000000 00000001", none},
      {"WINDOW_UPDATE, reserved bit", "000004 08 00 00000001 80000001", none},
      {"WINDOW_UPDATE by 0", "000004 08 00 00000000 00000000", protocol},
      {"WINDOW_UPDATE by 0 of a stream", "000004 08 00 00000001 80000000", protocol, true},
      {"WINDOW_UPDATE too short", "000003 08 00 00000001 000001", size},
      {"WINDOW_UPDATE too long", "000005 08 00 00000001 0000000100", size},
      {"CONTINUATION", "000001 09 04 00000001 82", none},
      {"CONTINUATION on 0", "000001 09 04 00000000 82", protocol},
      {"unknown", "000003 0a ff 00000000 010203", none},
      {"unknown on a stream", "000000 ff ff 7fffffff", none},
  };
  for (const auto& c : cases) {
    const auto fault = read_frame(hex(c.bytes)).fault;
    EXPECT_EQ(fault.code, c.code) << c.what;
    EXPECT_EQ(fault.of_stream, c.of_stream) << c.what;
    EXPECT_EQ(fault.why[0] == '\0', c.code == none) << c.what;
  }
}

TEST(Frame, NoKindMayBeOverTheLimit) {
  for (int type = 0; type < 256; ++type) {
    const h2::FrameHead over{.length = kMaxFrame + 1, .type = static_cast<std::uint8_t>(type), .flags = 0, .stream = 1};
    EXPECT_EQ(h2::check_frame_head(over, kMaxFrame).code, ErrorCode::kFrameSizeError);
    EXPECT_FALSE(h2::check_frame_head(over, kMaxFrame).of_stream);
  }
  const h2::FrameHead just{.length = kMaxFrame, .type = 0, .flags = 0, .stream = 1};
  EXPECT_FALSE(h2::check_frame_head(just, kMaxFrame));
}

TEST(Frame, PaddingAndPriorityAreTakenOff) {
  for (std::uint8_t padding = 0; padding < 20; ++padding) {
    const Bytes content = text_bytes("content");
    const auto data = whole_frame(FrameType::kData, h2::kPadded, 1, Bytes{padding} + content + Bytes(padding, 0));
    EXPECT_EQ(as_text(read_frame(data).rest), "content");
    const auto headers = whole_frame(FrameType::kHeaders, h2::kPadded | h2::kHasPriority, 3,
                                     Bytes{padding} + hex("80000001 ff") + content + Bytes(padding, 0));
    EXPECT_EQ(as_text(read_frame(headers).rest), "content");
  }
}

TEST(Frame, WhatIsWrittenIsRead) {
  std::uint8_t out[64];
  auto* end = h2::write_goaway(out, 7, ErrorCode::kEnhanceYourCalm, "too_many_pings");
  EXPECT_EQ(static_cast<std::size_t>(end - out), h2::goaway_bytes("too_many_pings"));
  const auto goaway = h2::read_goaway(ByteSpan(out, end).subspan(h2::kFrameHeadBytes));
  EXPECT_EQ(goaway.last_stream, 7U);
  EXPECT_EQ(goaway.code, ErrorCode::kEnhanceYourCalm);
  EXPECT_EQ(goaway.text, "too_many_pings");

  end = h2::write_rst_stream(out, 5, ErrorCode::kCancel);
  EXPECT_FALSE(read_frame(Bytes(out, end)).fault);
  EXPECT_EQ(h2::read_rst_stream(ByteSpan(out, end).subspan(h2::kFrameHeadBytes)), ErrorCode::kCancel);

  end = h2::write_window_update(out, 5, 0x7fffffff);
  std::uint32_t increment = 0;
  EXPECT_FALSE(h2::read_window_update(h2::read_frame_head(out), ByteSpan(out, end).subspan(9), increment));
  EXPECT_EQ(increment, 0x7fffffffU);

  end = h2::write_ping(out, as_bytes("12345678").data(), true);
  EXPECT_EQ(Bytes(out, end), hex("000008 06 01 00000000") + text_bytes("12345678"));

  end = h2::write_setting(out, h2::SettingId::kMaxHeaderListSize, 8192);
  h2::Setting setting;
  EXPECT_FALSE(h2::read_setting(out, setting));
  EXPECT_TRUE(setting.is(h2::SettingId::kMaxHeaderListSize));
  EXPECT_EQ(setting.value, 8192U);
}

TEST(Frame, CodesHaveNames) {
  EXPECT_STREQ(h2::name_of(ErrorCode::kEnhanceYourCalm), "ENHANCE_YOUR_CALM");
  EXPECT_STREQ(h2::name_of(static_cast<ErrorCode>(0xfff)), "UNKNOWN");
}

}  // namespace
}  // namespace rocket::test
