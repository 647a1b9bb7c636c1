#include "h2/hpack_decoder.h"

#include <gtest/gtest.h>

#include "h2/decoded.h"
#include "h2/hpack_encoder.h"

namespace rocket::test {
namespace {

using h2::HpackError;
using h2::Tag;

struct Malformed {
  const char* what;
  const char* bytes;
  HpackError error;
};

TEST(HpackDecoder, RefusesWhatIsMalformed) {
  const Malformed cases[] = {
      {"index 0", "80", HpackError::kBadIndex},
      {"first index past the static table", "be", HpackError::kBadIndex},
      {"index of five bytes", "ff ff ff ff ff 07", HpackError::kBadIndex},
      {"name index past the tables", "7e 00", HpackError::kBadIndex},
      {"name index past the tables, never indexed", "1f 2f 00", HpackError::kBadIndex},
      {"integer of 2^32", "ff 81 ff ff ff 0f", HpackError::kBadInteger},
      {"integer of six bytes", "ff 80 80 80 80 80 01", HpackError::kBadInteger},
      {"integer of six bytes that says little", "ff 80 80 80 80 80 00", HpackError::kBadInteger},
      {"length of 2^32", "40 7f 81 ff ff ff 0f", HpackError::kBadInteger},
      {"integer cut short", "ff 80", HpackError::kTruncated},
      {"prefix of ones alone", "ff", HpackError::kTruncated},
      {"no name", "40", HpackError::kTruncated},
      {"name longer than the block", "40 02 61", HpackError::kTruncated},
      {"length of 2^32 - 1", "40 7f 80 ff ff ff 0f", HpackError::kTruncated},
      {"no value", "40 01 61", HpackError::kTruncated},
      {"value longer than the block", "40 01 61 02 61", HpackError::kTruncated},
      {"table over what was announced", "3f e2 1f", HpackError::kBadTableSize},
      {"table far over it", "3f ff ff ff ff 07", HpackError::kBadTableSize},
      {"table's size behind a field", "82 20", HpackError::kLateTableSize},
      {"EOS", "41 84 ff ff ff ff", HpackError::kBadHuffman},
      {"EOS behind a symbol", "41 84 1f ff ff ff", HpackError::kBadHuffman},
      {"padding of eight bits", "41 82 1f ff", HpackError::kBadHuffman},
      {"padding of zeros", "41 81 18", HpackError::kBadHuffman},
      {"padding with a zero at its end", "41 81 1e", HpackError::kBadHuffman},
      {"long code cut short", "41 83 ff ff fe", HpackError::kBadHuffman},
  };
  for (const auto& c : cases) {
    h2::HpackDecoder decoder;
    EXPECT_EQ(decode(decoder, hex(c.bytes)).error, c.error) << c.what;
  }
}

TEST(HpackDecoder, TakesWhatIsOnlyUnusual) {
  struct {
    const char* what;
    const char* bytes;
    std::vector<std::string> fields;
  } const cases[] = {
      {"nothing", "", {}},
      {"integers with more bytes than they need", "1f 80 80 80 80 00 00", {"!accept-charset: "}},
      {"the largest table, then none, then some", "3f e1 1f 20 3e 82", {":method: GET"}},
      {"an empty string, Huffman", "41 80", {":authority: "}},
      {"one symbol of five bits and three ones", "41 81 1f", {":authority: a"}},
      {"never indexed", "1f 08 01 61", {"!authorization: a"}},
  };
  for (const auto& c : cases) {
    h2::HpackDecoder decoder;
    const auto decoded = decode(decoder, hex(c.bytes));
    EXPECT_EQ(decoded.error, HpackError::kNone) << c.what;
    EXPECT_EQ(decoded.fields, c.fields) << c.what;
  }
}

Bytes indexed_literal(std::string_view name, std::string_view value) {
  Bytes out(h2::literal_bound(name, value));
  auto* end = h2::write_literal(out.data(), name, value);
  out.resize(static_cast<std::size_t>(end - out.data()));
  out[0] = 0x40;
  return out;
}

TEST(HpackDecoder, EvictsTheOldest) {
  h2::HpackDecoder decoder;
  // 4096 / (32 + 1 + 3) = 113 entries.
  for (int i = 0; i < 200; ++i) {
    const auto value = std::to_string(100 + i);
    decode(decoder, indexed_literal("n", value));
  }
  EXPECT_EQ(decoder.table().count(), 113U);
  EXPECT_EQ(decoder.table().bytes(), 113U * 36);
  EXPECT_EQ(decode(decoder, hex("be")).fields, std::vector<std::string>{"n: 299"});
  EXPECT_EQ(decode(decoder, hex("ff 2f")).fields, std::vector<std::string>{"n: 187"});
  EXPECT_EQ(decode(decoder, hex("ff 30")).error, HpackError::kBadIndex);
}

TEST(HpackDecoder, EmptiesTheTableForWhatDoesNotFit) {
  h2::HpackDecoder decoder;
  decode(decoder, indexed_literal("a", "b"));
  // The largest that fits, then one that does not, whose name is that of the entry that goes.
  const std::string fits(4096 - 32 - 1, 'x');
  EXPECT_EQ(decode(decoder, indexed_literal("n", fits)).fields, std::vector<std::string>{"n: " + fits});
  EXPECT_EQ(decoder.table().count(), 1U);
  const std::string over = fits + "x";
  Bytes block(h2::literal_bound("", over));
  auto* end = h2::write_integer(block.data(), 0x40, 0x3f, 62);
  block.resize(static_cast<std::size_t>(h2::write_string(end, over) - block.data()));
  EXPECT_EQ(decode(decoder, block).fields, std::vector<std::string>{"n: " + over});
  EXPECT_EQ(decoder.table().count(), 0U);
}

TEST(HpackDecoder, KeepsANameWhoseEntryGoesForIt) {
  h2::HpackDecoder decoder;
  const std::string name(1000, 'n');
  const std::string value(3000, 'v');
  decode(decoder, indexed_literal(name, "first"));
  for (int round = 0; round < 20; ++round) {
    Bytes block(h2::literal_bound("", value));
    auto* end = h2::write_integer(block.data(), 0x40, 0x3f, 62);
    block.resize(static_cast<std::size_t>(h2::write_string(end, value) - block.data()));
    EXPECT_EQ(decode(decoder, block).fields, std::vector<std::string>{name + ": " + value});
    EXPECT_EQ(decode(decoder, hex("be")).fields, std::vector<std::string>{name + ": " + value});
    EXPECT_EQ(decoder.table().count(), 1U);
  }
}

TEST(HpackDecoder, ShrinksAndGrowsWithTheSizeAsked) {
  h2::HpackDecoder decoder;
  decode(decoder, indexed_literal("a", "1"));
  decode(decoder, indexed_literal("b", "2"));
  EXPECT_EQ(decode(decoder, hex("3f 12 be")).fields, std::vector<std::string>{"b: 2"});  // 49 bytes: one entry
  EXPECT_EQ(decode(decoder, hex("bf")).error, HpackError::kBadIndex);
  EXPECT_EQ(decode(decoder, hex("20")).error, HpackError::kNone);
  EXPECT_EQ(decoder.table().count(), 0U);
  EXPECT_EQ(decode(decoder, indexed_literal("c", "3")).error, HpackError::kNone);
  EXPECT_EQ(decoder.table().count(), 0U);
}

Tag user_tag(std::string_view name) {
  return name == "grpc-timeout" || name == "user-agent" ? Tag::kFirstOfUser : Tag::kOther;
}

TEST(HpackDecoder, TellsFieldsByTheirNames) {
  h2::HpackDecoder decoder(user_tag);
  h2::HpackScratch scratch;
  struct {
    const char* name;
    Tag tag;
  } const cases[] = {
      {":path", Tag::kPath},
      {":method", Tag::kMethod},
      {":scheme", Tag::kScheme},
      {":authority", Tag::kAuthority},
      {":status", Tag::kStatus},
      {":protocol", Tag::kProtocol},
      {":other", Tag::kUnknownPseudo},
      {":", Tag::kMalformed},
      {":Path", Tag::kMalformed},
      {"", Tag::kMalformed},
      {"Te", Tag::kMalformed},
      {"a b", Tag::kMalformed},
      {"a:b", Tag::kMalformed},
      {"a\x7f", Tag::kMalformed},
      {"\xc3\xa4", Tag::kMalformed},
      {"te", Tag::kTe},
      {"host", Tag::kHost},
      {"content-length", Tag::kContentLength},
      {"upgrade", Tag::kConnectionSpecific},
      {"connection", Tag::kConnectionSpecific},
      {"keep-alive", Tag::kConnectionSpecific},
      {"proxy-connection", Tag::kConnectionSpecific},
      {"transfer-encoding", Tag::kConnectionSpecific},
      {"grpc-timeout", Tag::kFirstOfUser},
      {"x-other!#$%&'*+-.^_`|~09az", Tag::kOther},
  };
  for (const auto& c : cases) {
    auto block = indexed_literal(c.name, "v") + hex("be");
    int seen = 0;
    ASSERT_EQ(decoder.decode(block, scratch,
                             [&](const h2::Field& field) {
                               EXPECT_EQ(field.tag, c.tag) << c.name;
                               ++seen;
                               return true;
                             }),
              HpackError::kNone);
    EXPECT_EQ(seen, 2);
  }
  // Names of the static table are tagged by the user too.
  const auto block = hex("7a 01 61 be ba");
  decoder.decode(block, scratch, [&](const h2::Field& field) {
    EXPECT_EQ(field.tag, Tag::kFirstOfUser);
    return true;
  });
}

TEST(HpackDecoder, TellsValuesThatHttpForbids) {
  h2::HpackDecoder decoder;
  h2::HpackScratch scratch;
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string value(20, 'v');
      value[at] = static_cast<char>(byte);
      const bool good = byte != 0 && byte != '\r' && byte != '\n';
      const auto block = indexed_literal("n", value) + hex("be");
      decoder.decode(block, scratch, [&](const h2::Field& field) {
        EXPECT_EQ(field.good_value, good) << byte;
        return true;
      });
    }
  }
}

TEST(HpackDecoder, TakesNoMemoryBeforeTheFirstEntryAndLittleAfterIt) {
  h2::HpackDecoder decoder;
  static_assert(sizeof(h2::HpackDecoder) <= 80);
  EXPECT_EQ(decode(decoder, hex("82 86 84")).error, HpackError::kNone);
  EXPECT_EQ(decoder.table().memory_bytes(), 0U);
  decode(decoder, indexed_literal("grpc-accept-encoding", "identity,deflate,gzip"));
  EXPECT_LE(decoder.table().memory_bytes(), 576U);
  for (int i = 0; i < 20000; ++i)
    decode(decoder, indexed_literal("n", std::string(static_cast<std::size_t>(i) % 300, 'v')));
  EXPECT_LE(decoder.table().memory_bytes(), 9216U);
}

}  // namespace
}  // namespace rocket::test
