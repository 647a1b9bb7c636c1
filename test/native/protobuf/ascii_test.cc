#include "protobuf/ascii.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket::protobuf {
namespace {

bool ascii(std::initializer_list<int> bytes, const std::string& rest = {}) {
  std::vector<std::uint8_t> message(bytes.begin(), bytes.end());
  message.insert(message.end(), rest.begin(), rest.end());
  // At the end of its own block, so that a sanitizer sees a read past it.
  const std::vector<std::uint8_t> exact(message);
  StringSpans strings;
  return text_is_ascii({exact.data(), exact.size()}, 0, strings);
}

/// The strings that are noted of `message`, when `string_fields` are its strings.
std::vector<std::string> noted(const std::string& message, std::uint32_t string_fields) {
  StringSpans strings;
  EXPECT_TRUE(text_is_ascii(as_bytes(message), string_fields, strings));
  std::vector<std::string> found;
  for (const auto& span : strings.all()) found.push_back(message.substr(span.at, span.size));
  return found;
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

TEST(TextIsAscii, NotesTheStringsItIsToldOf) {
  using Strings = std::vector<std::string>;
  const std::string message =
      "\x0a\x03"
      "abc"
      "\x10\x05"
      "\x1a\x02"
      "de"
      "\x0a\x02"
      "fg";
  EXPECT_EQ(noted(message, 0), (Strings{}));
  EXPECT_EQ(noted(message, 1 << 1), (Strings{"abc", "fg"}));
  EXPECT_EQ(noted(message, 1 << 3), (Strings{"de"}));
  EXPECT_EQ(noted(message, 0xffffffffU), (Strings{"abc", "de", "fg"}));
  EXPECT_EQ(noted(message, 1 << 2), (Strings{})) << "a number";
}

TEST(TextIsAscii, NotesNeitherShortStringsNorMoreThanItHasRoomFor) {
  EXPECT_TRUE(noted(std::string("\x0a\x00\x0a\x01x", 5), 1 << 1).empty());
  std::string many;
  for (std::size_t i = 0; i < StringSpans::kMost + 3; ++i)
    many +=
        "\x0a\x02"
        "ab";
  EXPECT_EQ(noted(many, 1 << 1).size(), StringSpans::kMost);
}

TEST(TextIsAscii, NotesOnlyFieldsThatHaveABit) {
  EXPECT_EQ(noted("\xfa\x01\x02"
                  "ab",
                  0xffffffffU)
                .size(),
            1U)
      << "field 31";
  EXPECT_TRUE(noted("\x82\x02\x02"
                    "ab",
                    0xffffffffU)
                  .empty())
      << "field 32";
  EXPECT_TRUE(noted("\x8a\x02\x02"
                    "ab",
                    0xffffffffU)
                  .empty())
      << "field 33, which is not field 1";
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
}  // namespace rocket::protobuf
