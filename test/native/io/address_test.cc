#include "io/address.h"

#include <gtest/gtest.h>

namespace rocket::io {
namespace {

TEST(Address, ParsesAndFormatsTheSame) {
  for (const std::string text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:443", "[::]:0",
                                 "[fe80::1:2]:9", "unix:/tmp/a.sock", "unix:relative.sock"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text, text);
    EXPECT_EQ(to_text(address->get(), address->length), text);
    EXPECT_EQ(address->is_unix(), text.starts_with("unix:"));
  }
}

TEST(Address, RefusesEverythingElse) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text : {std::string(),
                                  std::string(":"),
                                  std::string(":80"),
                                  std::string("127.0.0.1"),
                                  std::string("127.0.0.1:"),
                                  std::string("127.0.0.1:65536"),
                                  std::string("127.0.0.1:-1"),
                                  std::string("127.0.0.1:+1"),
                                  std::string("127.0.0.1:80 "),
                                  std::string(" 127.0.0.1:80"),
                                  std::string("127.0.0.1:8x"),
                                  std::string("localhost:80"),
                                  std::string("1.2.3:80"),
                                  std::string("::1:80"),
                                  std::string("[::1]"),
                                  std::string("[::1]80"),
                                  std::string("[]:80"),
                                  std::string("[127.0.0.1]:80"),
                                  std::string("unix:"),
                                  std::string("unix:@"),
                                  std::string("unix:/x/a\0b.sock", 15),
                                  std::string("unix:\0a", 7),
                                  std::string("unix:@a\0b", 9),
                                  std::string("127.0.0.1\0x:80", 14),
                                  std::string("127.0.0.1:80\0", 13),
                                  std::string("[::1\0]:80", 10),
                                  long_path}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Address, TheLongestUnixPathFits) {
  const std::string text = "unix:/" + std::string(106, 'x');
  const auto address = parse_address(text);
  ASSERT_TRUE(address);
  EXPECT_EQ(to_text(address->get(), address->length), text);
}

TEST(PeerAddress, NamesThePeer) {
  const auto v4 = *parse_address("10.1.2.3:4000");
  EXPECT_EQ(PeerAddress(v4.get(), v4.length).text(), "10.1.2.3:4000");
  const auto v6 = *parse_address("[2001:db8::7]:4000");
  EXPECT_EQ(PeerAddress(v6.get(), v6.length).text(), "[2001:db8::7]:4000");
  const auto local = *parse_address("unix:/tmp/a.sock");
  EXPECT_EQ(PeerAddress(local.get(), local.length).text(), "unix:");
}

}  // namespace
}  // namespace rocket::io
