#include "grpc/percent.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace rocket::grpc {
namespace {

std::string encode(std::string_view text) {
  std::string out(percent_encoded_bytes(text), '?');
  auto* begin = reinterpret_cast<std::uint8_t*>(out.data());
  EXPECT_EQ(percent_encode(begin, text), begin + out.size());
  return out;
}

TEST(GrpcPercent, EncodesWhatIsNotPrintable) {
  EXPECT_EQ(encode("plain text, as it is!~"), "plain text, as it is!~");
  EXPECT_EQ(encode("100%"), "100%25");
  EXPECT_EQ(encode("\t\ntest with whitespace\r\n"), "%09%0Atest with whitespace%0D%0A");
  EXPECT_EQ(encode("\xe2\x98\xba"), "%E2%98%BA");
  EXPECT_EQ(encode(std::string_view("\0\x7f", 2)), "%00%7F");
  EXPECT_EQ(encode(""), "");
}

TEST(GrpcPercent, DecodesWhatItEncodes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(encode(all)), all);
}

TEST(GrpcPercent, LeavesWhatIsNoEncoding) {
  for (const std::string text : {"%", "%4", "%zz", "a%4", "%%", "%g1", "%1g"}) EXPECT_EQ(percent_decode(text), text);
  EXPECT_EQ(percent_decode("%e2%98%ba"), "\xe2\x98\xba");
  EXPECT_EQ(percent_decode("%%41"), "%A");
}

TEST(GrpcPercent, CutsBetweenCharacters) {
  EXPECT_EQ(fit_percent_encoded("abc", 3), "abc");
  EXPECT_EQ(fit_percent_encoded("abc", 2), "ab");
  EXPECT_EQ(fit_percent_encoded("a%", 3), "a");
  EXPECT_EQ(fit_percent_encoded("a%", 4), "a%");
  const std::string smile = "x\xf0\x9f\x98\x80";  // 1 + 12 encoded
  for (std::size_t most = 1; most < 13; ++most) EXPECT_EQ(fit_percent_encoded(smile, most), "x");
  EXPECT_EQ(fit_percent_encoded(smile, 13), smile);
  EXPECT_EQ(fit_percent_encoded(smile, 0), "");
}

}  // namespace
}  // namespace rocket::grpc
