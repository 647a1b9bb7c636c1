// A block that comes again is not decoded again.
#include <gtest/gtest.h>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

/// A request whose block is `block` and that has no body.
Bytes request(int index, const Bytes& block, std::uint8_t flags = h2::kEndStream) {
  return frame(h2::FrameType::kHeaders, h2::kEndHeaders | flags, odd(index), block);
}

/// As block_of(), and the field enters the table.
Bytes indexed(const std::string& name, const std::string& value) {
  auto block = block_of({{name, value}});
  block[0] = 0x40;
  return block;
}

TEST(KeptBlock, IsGivenFromTheThirdTimeOn) {
  SessionFixture h2;
  h2.open();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(h2.feed(request(i, block_of(kRequestFields))), Lines{"request " + std::to_string(odd(i)) + " ended"});
    EXPECT_EQ(h2.fields, (Lines{":method: POST", ":scheme: http", ":path: /s/m", "te: trailers"}));
    EXPECT_EQ(h2.kept_blocks, std::max(0, i - 1));
  }
}

TEST(KeptBlock, IsDecodedWhenTheApplicationKeepsNone) {
  SessionFixture h2;
  h2.keeps_blocks = false;
  h2.open();
  for (int i = 0; i < 4; ++i) h2.feed(request(i, block_of(kRequestFields)));
  EXPECT_EQ(h2.kept_blocks, 0);
  EXPECT_EQ(h2.fields.size(), 4U);
}

TEST(KeptBlock, IsForgottenForAnother) {
  SessionFixture h2;
  h2.open();
  const auto other = block_of({{":method", "POST"}, {":scheme", "http"}, {":path", "/s/n"}, {"te", "trailers"}});
  for (int i = 0; i < 12; ++i) {
    h2.feed(request(i, i % 4 == 3 ? other : block_of(kRequestFields)));
    EXPECT_EQ(h2.fields[2], i % 4 == 3 ? ":path: /s/n" : ":path: /s/m") << i;
  }
  EXPECT_EQ(h2.kept_blocks, 3);
}

// The same bytes mean another field once the table has changed.
TEST(KeptBlock, IsDecodedAgainWhenTheTableHasChanged) {
  SessionFixture h2;
  h2.open();
  const auto plain = block_of(kRequestFields);
  h2.feed(request(0, plain + indexed("x", "old")));
  const auto newest = plain + Bytes{0x80 | 62};
  for (int i = 1; i < 5; ++i) h2.feed(request(i, newest));
  EXPECT_EQ(h2.kept_blocks, 2);
  EXPECT_EQ(h2.fields.back(), "x: old");
  h2.feed(request(5, plain + indexed("x", "new")));
  for (int i = 6; i < 10; ++i) {
    h2.feed(request(i, newest));
    EXPECT_EQ(h2.fields.back(), "x: new");
  }
  EXPECT_EQ(h2.kept_blocks, 4);
  // A table of no bytes: the index is none any more.
  h2.feed(request(10, Bytes{0x20} + plain));
  EXPECT_EQ(h2.feed(request(11, newest)), Lines{"error COMPRESSION_ERROR"});
}

TEST(KeptBlock, IsNeverOneThatChangesTheTable) {
  SessionFixture h2;
  h2.open();
  const auto block = block_of(kRequestFields) + indexed("grpc-timeout", "1S");
  for (int i = 0; i < 6; ++i) h2.feed(request(i, block));
  EXPECT_EQ(h2.kept_blocks, 0);
  EXPECT_EQ(h2.feed(request(6, block_of(kRequestFields) + Bytes{0x80 | 67})), Lines{"request 13 ended"});
  EXPECT_EQ(h2.fields.back(), "grpc-timeout: 1S");
}

TEST(KeptBlock, KeepsWhatItSaysOfTheBody) {
  SessionFixture h2;
  h2.open();
  const auto block = block_of(kRequestFields) + block_of({{"content-length", "3"}});
  for (int i = 0; i < 4; ++i) {
    h2.feed(request(i, block, 0) + data(odd(i), text_bytes("abc"), true));
  }
  EXPECT_EQ(h2.kept_blocks, 2);
  EXPECT_EQ(h2.feed(request(4, block, 0) + data(odd(4), text_bytes("abcd"), true)),
            (Lines{"request 9", "reset 9 PROTOCOL_ERROR"}));
  EXPECT_EQ(h2.feed(request(5, block)), Lines{});
  EXPECT_EQ(h2.take_written().back(), "11 RST PROTOCOL_ERROR");
}

TEST(KeptBlock, IsNeverAMalformedOneOrOneThatIsTooLarge) {
  SessionFixture h2;
  h2.open();
  for (int i = 0; i < 4; ++i) h2.feed(request(i, block_of({{":method", "POST"}})));
  EXPECT_EQ(h2.kept_blocks, 0);
  h2.feed(request(4, block_of(kRequestFields) + indexed("x", std::string(3000, 'x'))));
  const auto large = block_of(kRequestFields) + Bytes{0x80 | 62, 0x80 | 62, 0x80 | 62};
  for (int i = 5; i < 9; ++i) {
    EXPECT_EQ(h2.feed(request(i, large)), Lines{"request " + std::to_string(odd(i)) + " ended too_large"});
  }
  EXPECT_EQ(h2.kept_blocks, 0);
}

TEST(KeptBlock, IsNotMixedUpWithTrailers) {
  SessionFixture h2;
  h2.open();
  for (int i = 0; i < 5; ++i) {
    h2.feed(request(i, block_of(kRequestFields), 0));
    EXPECT_EQ(h2.fields.size(), 4U);
    EXPECT_EQ(h2.feed(headers(odd(i), true, {{"x", "y"}})), Lines{"trailers " + std::to_string(odd(i))});
    EXPECT_EQ(h2.fields, Lines{"x: y"});
  }
  EXPECT_EQ(h2.kept_blocks, 3);
}

}  // namespace
}  // namespace rocket::test
