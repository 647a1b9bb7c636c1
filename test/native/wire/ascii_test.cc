#include "wire/ascii.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket::wire {
namespace {

bool ascii(std::initializer_list<int> bytes, const std::string& rest = {}) {
  std::vector<std::uint8_t> message(bytes.begin(), bytes.end());
  message.insert(message.end(), rest.begin(), rest.end());
  // At the end of its own block, so that a sanitizer sees a read past it.
  const std::vector<std::uint8_t> exact(message);
  return text_is_ascii({exact.data(), exact.size()});
}

TEST(TextIsAscii, LooksAtLengthDelimitedFieldsOnly) {
  EXPECT_TRUE(ascii({}));
  EXPECT_TRUE(ascii({0x0a, 3}, "abc"));
  EXPECT_TRUE(ascii({0x08, 0xff, 0xff, 0x03, 0x0a, 3}, "abc"));                              // a large varint before it
  EXPECT_TRUE(ascii({0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 1}, "a"));  // a fixed64
  EXPECT_TRUE(ascii({0x0d, 0xff, 0xff, 0xff, 0xff, 0x0a, 1}, "a"));                          // a fixed32
  EXPECT_TRUE(ascii({0x82, 0x01, 1}, "a"));                                                  // field 16
  EXPECT_TRUE(ascii({0x0a, 0xc8, 0x01}, std::string(200, 'x')));                             // a length over 127
}

TEST(TextIsAscii, FindsTheOneByteThatIsNot) {
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = static_cast<char>(0x80);
      EXPECT_FALSE(ascii({0x0a, static_cast<int>(length)}, text)) << length << " " << at;
    }
  }
}

TEST(TextIsAscii, SaysNoToWhatItCannotWalk) {
  EXPECT_FALSE(ascii({0x0a}));            // no length
  EXPECT_FALSE(ascii({0x0a, 4}, "abc"));  // longer than the message
  EXPECT_FALSE(ascii({0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "abc"));  // 2^64 - 1
  EXPECT_FALSE(ascii({0x08}));                                                                     // no varint
  EXPECT_FALSE(ascii({0x08, 0x80}));  // a varint without end
  EXPECT_FALSE(ascii({0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}));
  EXPECT_FALSE(ascii({0x09, 1, 2, 3}));  // a cut fixed64
  EXPECT_FALSE(ascii({0x0d, 1, 2}));     // a cut fixed32
  EXPECT_FALSE(ascii({0x0b, 0x0c}));     // a group
}

}  // namespace
}  // namespace rocket::wire
