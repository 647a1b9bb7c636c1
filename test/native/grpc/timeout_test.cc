#include "grpc/timeout.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket::grpc {
namespace {

std::int64_t ms(std::string_view value) {
  const auto timeout = parse_timeout(value);
  return timeout ? timeout->count() : -1;
}

TEST(GrpcTimeout, HasAllUnits) {
  EXPECT_EQ(ms("1H"), 3'600'000);
  EXPECT_EQ(ms("2M"), 120'000);
  EXPECT_EQ(ms("3S"), 3000);
  EXPECT_EQ(ms("250m"), 250);
  EXPECT_EQ(ms("5000u"), 5);
  EXPECT_EQ(ms("7000000n"), 7);
}

TEST(GrpcTimeout, RoundsUpSoThatOnlyNothingIsNothing) {
  EXPECT_EQ(ms("1n"), 1);
  EXPECT_EQ(ms("1000001n"), 2);
  EXPECT_EQ(ms("1u"), 1);
  EXPECT_EQ(ms("1001u"), 2);
  EXPECT_EQ(ms("0n"), 0);
  EXPECT_EQ(ms("0H"), 0);
  EXPECT_EQ(ms("00000001S"), 1000);
}

TEST(GrpcTimeout, TakesTheLargestAndNoLonger) {
  EXPECT_EQ(ms("99999999H"), std::int64_t{99999999} * 3'600'000);
  EXPECT_EQ(ms("99999999n"), 100);
  EXPECT_EQ(ms("100000000H"), -1);
  EXPECT_EQ(ms("000000001S"), -1);
}

TEST(GrpcTimeout, IsMalformed) {
  for (const auto* value : {"", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", " 1S", "1S ", "1 S", "1SS", "1e3m", "0x1S",
                            "m1", "1\xc2\xb5", "S1S"}) {
    EXPECT_EQ(ms(value), -1) << value;
  }
  EXPECT_EQ(ms(std::string_view("1\0S", 3)), -1);
}

}  // namespace
}  // namespace rocket::grpc
