#include "rpc/unknown_method.h"

#include <gtest/gtest.h>

#include <random>

#include "tinypb/frame.h"

namespace rocket::rpc {
namespace {

TEST(UnknownMethod, IsNamed) {
  EXPECT_EQ(unknown_method_text(Reason::kNoService, "shop.Order", "shop.Order.makeOrder"),
            "service not found: shop.Order");
  EXPECT_EQ(unknown_method_text(Reason::kNoMethod, "Order", "Order.makeOrdr"), "method not found: Order.makeOrdr");
  EXPECT_EQ(unknown_method_text(Reason::kNoName, "", "Order"), "parse service name error: not Service.method: Order");
}

TEST(UnknownMethod, IsEscapedAndCut) {
  EXPECT_EQ(unknown_method_text(Reason::kNoMethod, "A", "A.\n\x02\\\xc3\xa4"),
            "method not found: A.\\x0a\\x02\\x5c\\xc3\\xa4");
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string method(random() % 4097, '\0');
    for (char& c : method) c = static_cast<char>(round % 2 == 0 ? random() : 'a' + random() % 26);
    for (const auto code : {Reason::kNoService, Reason::kNoMethod, Reason::kNoName}) {
      const std::string text = unknown_method_text(code, method, method);
      EXPECT_LE(text.size(), tinypb::kOldPeerErrInfoBytes);
      for (const char c : text) ASSERT_TRUE(c >= 0x20 && c < 0x7f);
    }
  }
}

}  // namespace
}  // namespace rocket::rpc
