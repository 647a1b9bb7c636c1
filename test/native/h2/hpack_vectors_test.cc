// The examples of RFC 7541, appendix C.
#include <gtest/gtest.h>

#include "h2/decoded.h"

namespace rocket::test {
namespace {

struct HpackExample {
  const char* section;
  /// Blocks of one connection, what they decode to, and the bytes of the table after each.
  struct Block {
    const char* bytes;
    std::vector<std::string> fields;
    std::uint32_t table_bytes;
  };
  std::vector<Block> blocks;
};

const std::vector<std::string> kRequest1 = {":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"};
const std::vector<std::string> kRequest2 = {":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
                                            "cache-control: no-cache"};
const std::vector<std::string> kRequest3 = {":method: GET", ":scheme: https", ":path: /index.html",
                                            ":authority: www.example.com", "custom-key: custom-value"};
const std::vector<std::string> kResponse1 = {":status: 302", "cache-control: private",
                                             "date: Mon, 21 Oct 2013 20:13:21 GMT",
                                             "location: https://www.example.com"};
const std::vector<std::string> kResponse2 = {":status: 307", "cache-control: private",
                                             "date: Mon, 21 Oct 2013 20:13:21 GMT",
                                             "location: https://www.example.com"};
const std::vector<std::string> kResponse3 = {":status: 200",
                                             "cache-control: private",
                                             "date: Mon, 21 Oct 2013 20:13:22 GMT",
                                             "location: https://www.example.com",
                                             "content-encoding: gzip",
                                             "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"};
/// The responses are for a table of 256 bytes, which the encoder chooses at the beginning.
constexpr const char* kTable256 = "3f e1 01";

const std::vector<HpackExample> kExamples = {
    {"C.2.1",
     {{"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", {"custom-key: custom-header"}, 55}}},
    {"C.2.2", {{"040c 2f73 616d 706c 652f 7061 7468", {":path: /sample/path"}, 0}}},
    {"C.2.3", {{"1008 7061 7373 776f 7264 0673 6563 7265 74", {"!password: secret"}, 0}}},
    {"C.2.4", {{"82", {":method: GET"}, 0}}},
    {"C.3",
     {{"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", kRequest1, 57},
      {"8286 84be 5808 6e6f 2d63 6163 6865", kRequest2, 110},
      {"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", kRequest3, 164}}},
    {"C.4",
     {{"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", kRequest1, 57},
      {"8286 84be 5886 a8eb 1064 9cbf", kRequest2, 110},
      {"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", kRequest3, 164}}},
    {"C.5",
     {{kTable256, {}, 0},
      {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d "
       "546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
       kResponse1, 222},
      {"4803 3330 37c1 c0bf", kResponse2, 222},
      {"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f "
       "6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b "
       "2076 6572 7369 6f6e 3d31",
       kResponse3, 215}}},
    {"C.6",
     {{kTable256, {}, 0},
      {"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 "
       "8f0b 97c8 e9ae 82ae 43d3",
       kResponse1, 222},
      {"4883 640e ffc1 c0bf", kResponse2, 222},
      {"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 "
       "dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
       kResponse3, 215}}},
};

TEST(HpackVectors, DecodeAsTheRfcSays) {
  for (const auto& example : kExamples) {
    SCOPED_TRACE(example.section);
    h2::HpackDecoder decoder;
    for (const auto& block : example.blocks) {
      const auto decoded = decode(decoder, hex(block.bytes));
      EXPECT_EQ(decoded.error, h2::HpackError::kNone);
      EXPECT_EQ(decoded.fields, block.fields);
      EXPECT_EQ(decoder.table().bytes(), block.table_bytes);
    }
  }
}

TEST(HpackVectors, AreRefusedWhereTheyAreCutShort) {
  for (const auto& example : kExamples) {
    for (std::size_t last = 0; last < example.blocks.size(); ++last) {
      const auto whole = hex(example.blocks[last].bytes);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        h2::HpackDecoder decoder;
        for (std::size_t before = 0; before < last; ++before) decode(decoder, hex(example.blocks[before].bytes));
        const auto decoded = decode(decoder, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        // Between two fields it is a block of fewer fields.
        if (decoded.error == h2::HpackError::kNone) {
          EXPECT_LT(decoded.fields.size(), std::max<std::size_t>(example.blocks[last].fields.size(), 1));
        } else {
          EXPECT_EQ(decoded.error, h2::HpackError::kTruncated);
        }
      }
    }
  }
}

}  // namespace
}  // namespace rocket::test
