#include "tinypb/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace rocket::tinypb {
namespace {

TEST(Crc32c, KnownValues) {
  struct Known {
    std::vector<std::uint8_t> bytes;
    std::uint32_t crc;
  };
  std::vector<std::uint8_t> rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  const std::vector<Known> known = {
      {{}, 0},
      {{'1', '2', '3', '4', '5', '6', '7', '8', '9'}, 0xE3069283},
      // RFC 3720, appendix B.4
      {std::vector<std::uint8_t>(32, 0x00), 0x8A9136AA},
      {std::vector<std::uint8_t>(32, 0xff), 0x62A8AB43},
      {rising, 0x46DD794E},
      {{rising.rbegin(), rising.rend()}, 0x113FDB5C},
  };
  for (const auto& [bytes, crc] : known) {
    EXPECT_EQ(crc32c(bytes), crc);
    EXPECT_EQ(crc32c_portable(bytes), crc);
  }
}

TEST(Crc32c, HardwareAndPortableAgreeAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> bytes(300);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t begin = 0; begin < 16; ++begin) {
    for (std::size_t size = 0; begin + size <= bytes.size(); ++size) {
      const ByteSpan span(bytes.data() + begin, size);
      ASSERT_EQ(crc32c(span, 7), crc32c_portable(span, 7)) << begin << "+" << size;
    }
  }
}

TEST(Crc32c, ContinuesWhereItLeftOff) {
  std::mt19937 random(2);
  std::vector<std::uint8_t> bytes(1000);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  const auto whole = crc32c(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const ByteSpan all(bytes);
    ASSERT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), whole) << cut;
    ASSERT_EQ(crc32c_portable(all.subspan(cut), crc32c_portable(all.first(cut))), whole) << cut;
  }
}

}  // namespace
}  // namespace rocket::tinypb
