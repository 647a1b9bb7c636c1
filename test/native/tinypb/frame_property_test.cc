#include <gtest/gtest.h>

#include <random>

#include "support/raw_peer.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {
namespace {

using test::Bytes;
using test::make_frame;

constexpr std::size_t kMaxFrameBytes = 4 << 20;

class RandomFields {
 public:
  explicit RandomFields(std::uint32_t seed) : random_(seed) {}

  std::string text() {
    std::string text(size(), '\0');
    // Start and end bytes are as likely as all others together.
    for (char& c : text) c = static_cast<char>(random_() % 2 == 0 ? 2 + random_() % 2 : random_());
    return text;
  }
  Bytes bytes() {
    const std::string from = text();
    return {from.begin(), from.end()};
  }
  std::uint32_t next() { return random_(); }

 private:
  std::size_t size() {
    switch (random_() % 4) {
      case 0: return 0;
      case 1: return random_() % 8;
      case 2: return random_() % 100;
      default: return random_() % 2000;
    }
  }
  std::mt19937 random_;
};

TEST(FrameProperty, WhatIsEncodedDecodesToTheSame) {
  RandomFields fields(20230514);
  for (int round = 0; round < 5000; ++round) {
    const std::string msg_id = fields.text();
    const std::string method = fields.text();
    const std::string err_info = fields.text();
    const Bytes body = fields.bytes();
    const auto err_code = static_cast<std::int32_t>(fields.next());
    const bool checksum = round % 2 == 0;
    const Bytes frame = make_frame({msg_id, method, err_code, err_info}, body, checksum);
    ASSERT_EQ(peek_length(frame, kMaxFrameBytes).bytes, frame.size());
    FrameView view;
    ASSERT_EQ(decode(frame, view), DecodeError::kNone);
    ASSERT_EQ(view.msg_id, msg_id);
    ASSERT_EQ(view.method, method);
    ASSERT_EQ(view.err_code, err_code);
    ASSERT_EQ(view.err_info, err_info);
    ASSERT_TRUE(std::equal(view.body.begin(), view.body.end(), body.begin(), body.end()));
    ASSERT_EQ(view.checksum == kNoChecksum, !checksum);
  }
}

TEST(FrameProperty, AFlippedBitIsNeverAcceptedUnderAChecksum) {
  RandomFields fields(7);
  for (int round = 0; round < 5000; ++round) {
    Bytes frame = make_frame({fields.text(), fields.text(), 5, fields.text()}, fields.bytes(), true);
    const std::size_t at = fields.next() % frame.size();
    frame[at] ^= static_cast<std::uint8_t>(1u << (fields.next() % 8));
    const auto length = peek_length(frame, kMaxFrameBytes);
    if (length.error != DecodeError::kNone || length.bytes != frame.size()) continue;
    FrameView view;
    ASSERT_NE(decode(frame, view), DecodeError::kNone) << "byte " << at << " of " << frame.size();
  }
}

TEST(FrameProperty, EveryShorteningIsRefusedWithoutReadingPastIt) {
  RandomFields fields(11);
  for (int round = 0; round < 20; ++round) {
    const Bytes frame = make_frame({fields.text().substr(0, 40), "S.m", 0, fields.text().substr(0, 40)}, {}, true);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      FrameView view;
      // By chance a prefix ends in 0x03; then its fields or its checksum do not fit.
      ASSERT_NE(decode(prefix, view), DecodeError::kNone) << size;
    }
  }
}

TEST(FrameProperty, RandomBytesDecodeWithinTheirBounds) {
  RandomFields fields(13);
  for (int round = 0; round < 20'000; ++round) {
    Bytes frame = fields.bytes();
    if (frame.size() < kFrameOverhead) continue;
    frame[0] = kStartByte;
    frame.back() = kEndByte;
    // Lengths small enough to lead to the next field now and then.
    store_be32(frame.data() + kLengthEnd, fields.next() % 16);
    FrameView view;
    if (decode(frame, view) != DecodeError::kNone) continue;
    ASSERT_GE(view.body.data(), frame.data());
    ASSERT_LE(view.body.data() + view.body.size(), frame.data() + frame.size());
  }
}

TEST(FrameLimit, AFrameOfExactlyTheLimitPassesAndOneByteMoreDoesNot) {
  const FrameHead head{"id", "Order.makeOrder", 0, ""};
  const std::size_t overhead = frame_bytes(head, 0);
  for (const std::size_t limit : {overhead, std::size_t{1000}, kMaxFrameBytes}) {
    const Bytes exact = make_frame(head, Bytes(limit - overhead, 3), true);
    ASSERT_EQ(exact.size(), limit);
    EXPECT_EQ(peek_length(exact, limit).bytes, limit);
    FrameView view;
    EXPECT_EQ(decode(exact, view), DecodeError::kNone);
    const Bytes over = make_frame(head, Bytes(limit - overhead + 1, 3), true);
    EXPECT_EQ(peek_length(over, limit).error, DecodeError::kFrameTooLong);
    // Five bytes are enough to refuse it.
    EXPECT_EQ(peek_length(ByteSpan(over).first(kLengthEnd), limit).error, DecodeError::kFrameTooLong);
  }
}

TEST(FrameLimit, TheSmallestFrameIsAllOverhead) {
  const Bytes frame = make_frame({}, {}, false);
  EXPECT_EQ(frame.size(), kFrameOverhead);
  EXPECT_EQ(peek_length(frame, kFrameOverhead).bytes, kFrameOverhead);
  FrameView view;
  EXPECT_EQ(decode(frame, view), DecodeError::kNone);
  EXPECT_TRUE(view.body.empty());
}

TEST(DecodeErrorName, EachIsDistinct) {
  for (std::size_t i = 0; i < kDecodeErrorCount; ++i) {
    for (std::size_t k = i + 1; k < kDecodeErrorCount; ++k) {
      EXPECT_STRNE(name_of(static_cast<DecodeError>(i)), name_of(static_cast<DecodeError>(k)));
    }
  }
}

}  // namespace
}  // namespace rocket::tinypb
