// What nghttp2 makes of the same headers. It is a referee for tests only: nothing that is shipped links it.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <random>

#include "h2/decoded.h"
#include "h2/hpack_encoder.h"
#include "h2/huffman.h"

namespace rocket::test {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

class Deflater {
 public:
  Deflater() { nghttp2_hd_deflate_new(&deflater_, 4096); }
  ~Deflater() { nghttp2_hd_deflate_del(deflater_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void resize(std::size_t bytes) { nghttp2_hd_deflate_change_table_size(deflater_, bytes); }
  Bytes deflate(const Fields& fields, std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields)
      list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), flags});
    Bytes out(nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()));
    const auto size = nghttp2_hd_deflate_hd(deflater_, out.data(), out.size(), list.data(), list.size());
    EXPECT_GE(size, 0);
    out.resize(static_cast<std::size_t>(size));
    return out;
  }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

std::vector<std::string> lines_of(const Fields& fields, const char* mark = "") {
  std::vector<std::string> out;
  for (const auto& [name, value] : fields) out.push_back(mark + name + ": " + value);
  return out;
}

class RandomFields {
 public:
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  std::string text(std::size_t most, int kind) {
    std::string out(below(most + 1), ' ');
    for (auto& c : out) c = static_cast<char>(kind == 0 ? 'a' + below(26) : kind == 1 ? 32 + below(95) : below(256));
    return out;
  }

 private:
  std::mt19937 engine_{20};
};

TEST(HpackReferee, WhatNghttp2DeflatesIsDecodedToTheSame) {
  RandomFields random;
  for (int connection = 0; connection < 40; ++connection) {
    Deflater deflater;
    h2::HpackDecoder decoder;
    Fields often;
    for (int i = 0; i < 12; ++i) often.emplace_back("x-" + random.text(20, 0), random.text(200, i % 3));
    often.emplace_back(":path", "/package.Service/Method");
    often.emplace_back("content-type", "application/grpc");
    for (int block = 0; block < 60; ++block) {
      if (random.below(20) == 0) deflater.resize(random.below(4097));
      Fields fields;
      for (auto left = random.below(15); left > 0; --left) {
        if (random.below(3) > 0) {
          fields.push_back(often[random.below(often.size())]);
        } else {
          fields.emplace_back("y-" + random.text(30, 0), random.text(random.below(10) == 0 ? 5000 : 60, 2));
        }
      }
      const bool secret = random.below(10) == 0;
      const auto wire = deflater.deflate(fields, secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
      const auto decoded = decode(decoder, wire);
      ASSERT_EQ(decoded.error, h2::HpackError::kNone);
      ASSERT_EQ(decoded.fields, lines_of(fields, secret ? "!" : ""));
    }
  }
}

TEST(HpackReferee, EachByteAndEachPairOfBytesIsDecodedFromHuffman) {
  h2::HpackDecoder decoder;
  for (int first = 0; first < 256; ++first) {
    // nghttp2 uses Huffman only where it is shorter, so the rare bytes are put among common ones.
    Fields fields;
    for (int second = 0; second < 256; ++second) {
      std::string value(60, 'e');
      value[20] = static_cast<char>(first);
      value[21] = static_cast<char>(second);
      value[59] = static_cast<char>(first);
      fields.emplace_back("n", value);
    }
    Deflater deflater;
    const auto decoded = decode(decoder, deflater.deflate(fields, NGHTTP2_NV_FLAG_NO_INDEX));
    ASSERT_EQ(decoded.error, h2::HpackError::kNone);
    ASSERT_EQ(decoded.fields, lines_of(fields, "!"));
  }
}

TEST(HpackReferee, WhatWeEncodeIsInflatedByNghttp2) {
  RandomFields random;
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  for (int block = 0; block < 500; ++block) {
    Fields fields{{":status", "200"}, {"content-type", "application/grpc"}};
    Bytes wire(200000);
    auto* end = h2::write_indexed(wire.data(), h2::kIndexStatus200);
    end = h2::write_literal(end, h2::kIndexContentType, "application/grpc");
    for (auto left = random.below(10); left > 0; --left) {
      fields.emplace_back("x-" + random.text(150, 0), random.text(random.below(5) == 0 ? 17000 : 300, 2));
      const auto& [name, value] = fields.back();
      const auto* before = end;
      end = h2::write_literal(end, name, value, random.below(2) == 0 ? h2::Indexing::kNever : h2::Indexing::kWithout);
      ASSERT_LE(static_cast<std::size_t>(end - before), h2::literal_bound(name, value));
    }
    Fields inflated;
    const std::uint8_t* at = wire.data();
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const auto taken = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, static_cast<std::size_t>(end - at), 1);
      ASSERT_GE(taken, 0);
      at += taken;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        inflated.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                              std::string(reinterpret_cast<char*>(field.value), field.valuelen));
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    ASSERT_EQ(inflated, fields);
  }
  nghttp2_hd_inflate_del(inflater);
}

TEST(HpackReferee, NamesAndValuesAreJudgedAsByNghttp2) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string prefix : {"", "x", ":", ":x"}) {
      const std::string name = prefix + static_cast<char>(byte);
      EXPECT_EQ(h2::tag_of_name(name, nullptr) != h2::Tag::kMalformed,
                nghttp2_check_header_name(bytes_of(name), name.size()) != 0)
          << name;
    }
    // nghttp2 also refuses control characters that RFC 9113 does not.
    const std::string value(1, static_cast<char>(byte));
    if (nghttp2_check_header_value(bytes_of(value), 1) != 0) {
      EXPECT_TRUE(h2::is_good_value(value)) << byte;
    }
  }
}

}  // namespace
}  // namespace rocket::test
