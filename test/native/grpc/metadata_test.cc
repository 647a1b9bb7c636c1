#include "grpc/metadata.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "h2/hpack_decoder.h"
#include "support/hex.h"

namespace rocket::grpc {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string nul_form(const Pairs& pairs) {
  std::string text;
  for (const auto& [key, value] : pairs) append_pair(text, key, value);
  return text;
}

MetadataFault fault_of(const Pairs& pairs) { return check_metadata(nul_form(pairs)).fault; }

TEST(GrpcMetadata, WhatCrossesToJavaScript) {
  for (const auto* name : {"x-user", "authorization", "user-agent", "traceparent", "key-bin", "grpc-trace-bin",
                           "grpc-tags-bin", "grpc-previous-rpc-attempts", "a_b.c-1"}) {
    EXPECT_TRUE(crosses(h2::tag_of_name(name, &tag_of))) << name;
  }
  for (const auto* name : {":path",
                           ":authority",
                           ":status",
                           "te",
                           "host",
                           "content-type",
                           "content-length",
                           "grpc-timeout",
                           "grpc-encoding",
                           "grpc-accept-encoding",
                           "grpc-status",
                           "grpc-message",
                           "grpc-status-details-bin",
                           "grpc-message-type",
                           "grpc-internal",
                           "grpc-",
                           "connection",
                           "upgrade",
                           "a!b",
                           "a*b"}) {
    EXPECT_FALSE(crosses(h2::tag_of_name(name, &tag_of))) << name;
  }
}

TEST(GrpcMetadata, WhatTheProtocolItselfReads) {
  EXPECT_EQ(tag_of("content-type"), tag::kContentType);
  EXPECT_EQ(tag_of("grpc-timeout"), tag::kTimeout);
  EXPECT_EQ(tag_of("grpc-encoding"), tag::kEncoding);
  EXPECT_EQ(tag_of("grpc-accept-encoding"), tag::kAcceptEncoding);
}

TEST(GrpcMetadata, HasTheNulForm) {
  EXPECT_EQ(nul_form({}), "");
  EXPECT_EQ(nul_form({{"a", "1"}, {"a", ""}}), std::string("\0a\0001\0a\0\0", 8));
}

TEST(GrpcMetadata, TakesWhatMayBeSent) {
  EXPECT_EQ(fault_of({}), MetadataFault::kNone);
  EXPECT_EQ(fault_of({{"a", "1"}, {"a", "2"}, {"b_c.d-0", " inner space "}, {"e", ""}}), MetadataFault::kValue);
  EXPECT_EQ(fault_of({{"a", "1"}, {"a", "2"}, {"b_c.d-0", "inner space"}, {"e", ""}, {"f", "~!"}}),
            MetadataFault::kNone);
  EXPECT_EQ(fault_of({{"a-bin", ""}, {"a-bin", "AQ=="}, {"a-bin", "AQ"}, {"a-bin", "+/8="}}), MetadataFault::kNone);
  EXPECT_EQ(fault_of({{"grpc-encoding", "gzip"}, {"grpc-status-details-bin", "CAU="}}), MetadataFault::kNone);
  EXPECT_EQ(fault_of({{"grpc-retry-pushback-ms", "-1"}, {"grpc-previous-rpc-attempts", "1"}}), MetadataFault::kNone);
  const auto checked = check_metadata(nul_form({{"key", "value"}, {"k", ""}}));
  EXPECT_EQ(checked.list_bytes, 3U + 5 + 32 + 1 + 32);
}

TEST(GrpcMetadata, RefusesKeys) {
  for (const auto* key : {"", "A", "a b", "a:b", "\xc3\xa4", "a\r\nb", "a!", "a/b"})
    EXPECT_EQ(fault_of({{key, "1"}}), MetadataFault::kKey) << key;
  for (const auto* key : {"te", "host", "connection", "upgrade", "transfer-encoding", "content-length", "content-type",
                          "grpc-status", "grpc-message", "grpc-timeout", "grpc-other"}) {
    EXPECT_EQ(fault_of({{key, "1"}}), MetadataFault::kReserved) << key;
  }
  EXPECT_EQ(fault_of({{":path", "/"}}), MetadataFault::kKey);
}

TEST(GrpcMetadata, RefusesValues) {
  for (const auto* value : {"a\nb", "a\rb", "\t", "\x7f", "\xe4", "\xc3\xa4", " a", "a ", " "})
    EXPECT_EQ(fault_of({{"a", value}}), MetadataFault::kValue) << value;
  for (const auto* value : {"A", "AAAAA", "A-_=", "AQ===", "AQ==,AQ==", "A=Q=", " AQ==", "\xff"})
    EXPECT_EQ(fault_of({{"a-bin", value}}), MetadataFault::kBinary) << value;
  const std::string text = nul_form({{"good", "1"}, {"bad", "\n"}});
  EXPECT_EQ(check_metadata(text).key, "bad");
}

TEST(GrpcMetadata, RefusesWhatIsNotTheNulForm) {
  const std::string good = nul_form({{"a", "1"}, {"b", "2"}});
  for (std::size_t size = 1; size < good.size(); ++size) {
    if (size == 1 || size == 5) continue;  // the end of a pair
    EXPECT_EQ(check_metadata(std::string_view(good).substr(0, size)).fault, MetadataFault::kForm) << size;
  }
  EXPECT_EQ(check_metadata("a=1&b=2").fault, MetadataFault::kForm);
  EXPECT_EQ(check_metadata(std::string_view("\0\0\0\0", 4)).fault, MetadataFault::kKey);
}

TEST(GrpcMetadata, IsWrittenAsLiterals) {
  const Pairs pairs = {{"a", "1"}, {"a", "2"}, {"long", std::string(300, 'x')}, {"b-bin", "AQ=="}, {"c", ""}};
  const std::string text = nul_form(pairs);
  std::vector<std::uint8_t> block(check_metadata(text).block_bytes);
  const auto* end = write_metadata(block.data(), text);
  h2::HpackScratch scratch;
  h2::HpackDecoder decoder;
  Pairs read;
  EXPECT_EQ(decoder.decode({block.data(), end}, scratch,
                           [&](const h2::Field& field) {
                             read.emplace_back(field.name, field.value);
                             return true;
                           }),
            h2::HpackError::kNone);
  EXPECT_EQ(read, pairs);
}

}  // namespace
}  // namespace rocket::grpc
