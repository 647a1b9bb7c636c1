#include <gtest/gtest.h>

#include <set>

#include "support/vectors.h"
#include "tinypb/crc32c.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {
namespace {

using test::Bytes;
using test::golden_vectors;
using test::Vector;

constexpr std::size_t kGoldenMaxFrameBytes = 4 << 20;

/// What a session makes of bytes that arrived: the first frame, or why there is none.
struct Taken {
  FrameLength length;
  DecodeError error = DecodeError::kNone;
  FrameView view;
};

Taken take(ByteSpan bytes) {
  Taken taken;
  taken.length = peek_length(bytes, kGoldenMaxFrameBytes);
  taken.error = taken.length.error;
  if (taken.error != DecodeError::kNone || taken.length.bytes == 0 || taken.length.bytes > bytes.size()) return taken;
  taken.error = decode(bytes.first(taken.length.bytes), taken.view);
  return taken;
}

void expect_fields(const Vector& vector, const FrameView& view) {
  EXPECT_EQ(view.msg_id, vector.msg_id);
  EXPECT_EQ(view.method, vector.method);
  EXPECT_EQ(view.err_code, vector.err_code);
  EXPECT_EQ(view.err_info, vector.err_info);
  EXPECT_EQ(view.checksum, vector.checksum);
  EXPECT_TRUE(std::equal(view.body.begin(), view.body.end(), vector.body.begin(), vector.body.end()));
}

TEST(Golden, ThereAreVectorsOfEveryKind) {
  std::set<std::string> kinds;
  for (const auto& vector : golden_vectors()) kinds.insert(vector.kind + vector.reason);
  const std::set<std::string> expected = {"request",
                                          "response",
                                          "malformedbad_start_byte",
                                          "malformedframe_too_short",
                                          "malformedframe_too_long",
                                          "malformedbad_field_length",
                                          "malformedbad_end_byte",
                                          "malformedbad_checksum"};
  EXPECT_EQ(kinds, expected);
}

TEST(Golden, DecodesToTheFields) {
  for (const auto& vector : golden_vectors()) {
    if (vector.malformed()) continue;
    SCOPED_TRACE(vector.name);
    const Taken taken = take(vector.frame);
    ASSERT_EQ(taken.length.bytes, vector.frame.size());
    ASSERT_EQ(taken.error, DecodeError::kNone) << name_of(taken.error);
    expect_fields(vector, taken.view);
  }
}

TEST(Golden, EncodesToTheSameBytes) {
  for (const auto& vector : golden_vectors()) {
    if (vector.malformed()) continue;
    SCOPED_TRACE(vector.name);
    const FrameHead head{vector.msg_id, vector.method, vector.err_code, vector.err_info};
    ASSERT_EQ(frame_bytes(head, vector.body.size()), vector.frame.size());
    EXPECT_EQ(test::make_frame(head, vector.body, vector.checksum != kNoChecksum), vector.frame);
  }
}

TEST(Golden, MalformedOnesAreRefusedForTheNamedReason) {
  for (const auto& vector : golden_vectors()) {
    if (!vector.malformed()) continue;
    SCOPED_TRACE(vector.name);
    EXPECT_STREQ(name_of(take(vector.frame).error), vector.reason.c_str());
  }
}

// Every prefix lies in a block of its own, so that AddressSanitizer sees the first byte read past it.
TEST(Golden, NeverCompleteEarlyNorRefusedLateInOneBytePieces) {
  for (const auto& vector : golden_vectors()) {
    if (vector.frame.size() > 20'000) continue;
    SCOPED_TRACE(vector.name);
    const bool bad_header = vector.reason == "bad_start_byte" || vector.reason.starts_with("frame_too");
    const std::size_t known_at = vector.reason == "bad_start_byte" ? 1 : kLengthEnd;
    for (std::size_t size = 0; size <= vector.frame.size(); ++size) {
      const Bytes prefix(vector.frame.begin(), vector.frame.begin() + static_cast<std::ptrdiff_t>(size));
      const FrameLength length = peek_length(prefix, kGoldenMaxFrameBytes);
      if (size < known_at) {
        ASSERT_EQ(length.error, DecodeError::kNone) << size;
        ASSERT_EQ(length.bytes, 0U) << size;
      } else if (bad_header) {
        ASSERT_STREQ(name_of(length.error), vector.reason.c_str()) << size;
      } else {
        ASSERT_EQ(length.error, DecodeError::kNone) << size;
        ASSERT_EQ(length.bytes, load_be32(vector.frame.data() + 1)) << size;
      }
    }
  }
}

TEST(Golden, ConcatenatedTheyComeOutOneByOne) {
  Bytes stream;
  std::vector<const Vector*> order;
  for (int round = 0; round < 2; ++round) {
    for (const auto& vector : golden_vectors()) {
      if (vector.malformed()) continue;
      stream.insert(stream.end(), vector.frame.begin(), vector.frame.end());
      order.push_back(&vector);
    }
  }
  ByteSpan rest(stream);
  for (const Vector* vector : order) {
    SCOPED_TRACE(vector->name);
    const Taken taken = take(rest);
    ASSERT_EQ(taken.error, DecodeError::kNone);
    expect_fields(*vector, taken.view);
    rest = rest.subspan(taken.length.bytes);
  }
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace rocket::tinypb
