#include "rpc/foreign_protocol.h"

#include <gtest/gtest.h>

#include <string_view>

namespace rocket::rpc {
namespace {

using namespace std::string_view_literals;

TEST(ForeignProtocol, IsToldByHowItsClientsBegin) {
  EXPECT_EQ(foreign_client(as_bytes("GET / HTTP/1.1\r\n\r\n"sv)), Foreign::kHttp1);
  EXPECT_EQ(foreign_client(as_bytes("POST /x HTTP/1.0\r\n"sv)), Foreign::kHttp1);
  EXPECT_EQ(foreign_client(as_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv)), Foreign::kHttp2);
  EXPECT_EQ(foreign_client(as_bytes("\x16\x03\x01\x02\x00\x01"sv)), Foreign::kTls);
  for (const auto other : {""sv, "G"sv, "GET"sv, "GETTER"sv, "\x03\x02"sv, "\x16"sv, "\x16\x02"sv, "SSH-2.0-"sv})
    EXPECT_EQ(foreign_client(as_bytes(other)), Foreign::kNone) << other;
}

TEST(ForeignProtocol, IsToldByHowItsServersAnswer) {
  EXPECT_EQ(foreign_server(as_bytes("HTTP/1.1 400 Bad Request\r\n"sv)), Foreign::kHttp1);
  EXPECT_EQ(foreign_server(as_bytes("\x15\x03\x01\x00\x02\x02\x16"sv)), Foreign::kTls);
  EXPECT_EQ(foreign_server(as_bytes("\0\0\0\x04\0\0\0\0\0"sv)), Foreign::kHttp2);
  EXPECT_EQ(foreign_server(as_bytes("\0\0\x12\x04\0\0\0\0\0\0\x03"sv)), Foreign::kHttp2);
  EXPECT_EQ(foreign_server(as_bytes("\0\0\x22\x07\0\0\0\0\0\0\0\0\0"sv)), Foreign::kHttp2);
  for (const auto other : {""sv, "HTTP"sv, "\0\0\0\x04\0\0\0\0"sv, "\0\0\x05\x04\0\0\0\0\0"sv, "\0\0\0\x04\0\0\0\0\1"sv,
                           "\xff\xff\xff\x04\0\0\0\0\0"sv, "garbage here"sv})
    EXPECT_EQ(foreign_server(as_bytes(other)), Foreign::kNone) << other;
}

}  // namespace
}  // namespace rocket::rpc
