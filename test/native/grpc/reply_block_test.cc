#include "grpc/reply_block.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "grpc/metadata.h"
#include "grpc/percent.h"
#include "h2/hpack_decoder.h"

namespace rocket::grpc {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
constexpr std::size_t kNoLimit = 0xffffffff;

Fields decoded(ByteSpan block) {
  h2::HpackScratch scratch;
  h2::HpackDecoder decoder;
  Fields fields;
  EXPECT_EQ(decoder.decode(block, scratch,
                           [&](const h2::Field& field) {
                             fields.emplace_back(field.name, field.value);
                             return true;
                           }),
            h2::HpackError::kNone);
  return fields;
}

std::size_t list_bytes(const Fields& fields) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 32;
  return bytes;
}

std::string metadata(const Fields& pairs) {
  std::string text;
  for (const auto& [key, value] : pairs) append_pair(text, key, value);
  return text;
}

const Fields kBegin = {{":status", "200"}, {"content-type", "application/grpc"}};

Fields operator+(Fields left, const Fields& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

TEST(GrpcReplyBlock, ConstantBlocksSayWhatTheyMean) {
  EXPECT_EQ(decoded(as_bytes(kReplyHeaders)), kBegin);
  EXPECT_EQ(decoded(as_bytes(kOkTrailers)), (Fields{{"grpc-status", "0"}}));
  EXPECT_EQ(decoded(as_bytes(kNotPost)),
            (Fields{{":status", "405"}, {"allow", "POST"}, {"content-type", "text/plain"}}));
  EXPECT_EQ(decoded(as_bytes(kNotGrpc)), (Fields{{":status", "415"}, {"content-type", "text/plain"}}));
}

TEST(GrpcReplyBlock, HeadersCarryMetadata) {
  ReplyBlocks blocks;
  const Fields pairs = {{"a", "1"}, {"a", "2"}, {"b-bin", "AQ=="}};
  EXPECT_EQ(decoded(blocks.headers({}, kNoLimit)), kBegin);
  EXPECT_EQ(decoded(blocks.headers(metadata(pairs), kNoLimit)), kBegin + pairs);
}

TEST(GrpcReplyBlock, TrailersCarryStatusMessageAndMetadata) {
  ReplyBlocks blocks;
  EXPECT_EQ(decoded(blocks.trailers({}, kNoLimit, false)), (Fields{{"grpc-status", "0"}}));
  EXPECT_EQ(decoded(blocks.trailers({}, kNoLimit, true)), kBegin + Fields({{"grpc-status", "0"}}));
  EXPECT_EQ(decoded(blocks.trailers({5, "none: \xe2\x98\xba", metadata({{"k", "v"}})}, kNoLimit, false)),
            (Fields{{"grpc-status", "5"}, {"grpc-message", "none: %E2%98%BA"}, {"k", "v"}}));
  EXPECT_EQ(decoded(blocks.trailers({16, {}, {}}, kNoLimit, true)), kBegin + Fields({{"grpc-status", "16"}}));
  EXPECT_EQ(decoded(blocks.trailers({0, "ignored", metadata({{"k", "v"}})}, kNoLimit, false)),
            (Fields{{"grpc-status", "0"}, {"k", "v"}}));
}

TEST(GrpcReplyBlock, BadMetadataIsAFailureThatNamesTheKey) {
  ReplyBlocks blocks;
  EXPECT_TRUE(blocks.headers(metadata({{"bad", "\n"}}), kNoLimit).empty());
  EXPECT_EQ(blocks.failure().code, 13);
  EXPECT_NE(blocks.failure().message.find("bad"), std::string_view::npos);
  const auto fields = decoded(blocks.trailers({0, {}, metadata({{"te", "x"}})}, kNoLimit, false));
  EXPECT_EQ(fields[0].second, "13");
  EXPECT_NE(fields[1].second.find("te"), std::string::npos);
}

TEST(GrpcReplyBlock, KeepsTheLimitOfThePeer) {
  ReplyBlocks blocks;
  const std::string large = metadata({{"k", std::string(400, 'v')}});
  EXPECT_TRUE(blocks.headers(large, 512).empty());
  EXPECT_EQ(blocks.failure().code, 8);
  EXPECT_NE(blocks.failure().message.find("SETTINGS_MAX_HEADER_LIST_SIZE"), std::string_view::npos);
  EXPECT_FALSE(blocks.headers(large, 560).empty());
  for (const bool only : {false, true}) {
    // A success that cannot say all of itself is none; a failure stays what it is.
    auto fields = decoded(blocks.trailers({0, {}, large}, 400, only));
    EXPECT_EQ(fields[only ? 2 : 0].second, "8");
    EXPECT_LE(list_bytes(fields), 400U);
    fields = decoded(blocks.trailers({5, "gone", large}, 400, only));
    EXPECT_EQ(fields[only ? 2 : 0].second, "5");
    EXPECT_EQ(fields[only ? 3 : 1].second, "gone");
  }
}

TEST(GrpcReplyBlock, DropsDetailsBeforeAnythingElse) {
  ReplyBlocks blocks;
  const std::string details(400, 'A');
  const Fields pair = {{"k", "v"}};
  const Fields with = pair + Fields{{"grpc-status-details-bin", details}};
  const Fields status = {{"grpc-status", "5"}, {"grpc-message", "gone"}};
  EXPECT_EQ(decoded(blocks.trailers({5, "gone", metadata(with)}, kNoLimit, false)), status + with);
  EXPECT_EQ(blocks.take_dropped(), "");
  const std::size_t exact = list_bytes(status + with) + 1;  // two digits are reckoned for the status
  EXPECT_EQ(decoded(blocks.trailers({5, "gone", metadata(with)}, exact, false)), status + with);
  EXPECT_EQ(decoded(blocks.trailers({5, "gone", metadata(with)}, exact - 1, false)), status + pair);
  EXPECT_NE(blocks.take_dropped().find("SETTINGS_MAX_HEADER_LIST_SIZE"), std::string::npos);
  EXPECT_EQ(blocks.take_dropped(), "");
  const Fields alone = {{"grpc-status-details-bin", details}};
  EXPECT_EQ(decoded(blocks.trailers({5, "gone", metadata(alone)}, 200, true)), kBegin + status);
  EXPECT_NE(blocks.take_dropped(), "");
}

TEST(GrpcReplyBlock, SendsDetailsOnlyWithTheWholeMessage) {
  ReplyBlocks blocks;
  const std::string message(kMaxMessageTextBytes + 1, 'm');
  const auto fields =
      decoded(blocks.trailers({5, message, metadata({{"grpc-status-details-bin", "AAAA"}})}, kNoLimit, false));
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[1].second.size(), kMaxMessageTextBytes);
  EXPECT_NE(blocks.take_dropped(), "");
}

TEST(GrpcReplyBlock, CutsALongMessage) {
  ReplyBlocks blocks;
  std::string message;
  for (int i = 0; i < 5000; ++i) message += "\xe2\x98\xba";
  for (const std::size_t most : {std::size_t{200}, std::size_t{256}, std::size_t{4096}, kNoLimit}) {
    for (const bool only : {false, true}) {
      const auto fields = decoded(blocks.trailers({2, message, metadata({{"k", "v"}})}, most, only));
      EXPECT_LE(list_bytes(fields), most);
      for (const auto& [name, value] : fields) {
        if (name != "grpc-message") continue;
        EXPECT_LE(value.size(), kMaxMessageTextBytes);
        EXPECT_EQ(percent_decode(value).size() % 3, 0U);
      }
    }
  }
}

TEST(GrpcReplyBlock, ALimitThatIsTooSmallForAnythingStillGetsTheStatus) {
  ReplyBlocks blocks;
  EXPECT_EQ(decoded(blocks.trailers({2, "why", {}}, 0, false)), (Fields{{"grpc-status", "2"}}));
}

}  // namespace
}  // namespace rocket::grpc
