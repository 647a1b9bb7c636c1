#include "grpc/encoding.h"

#include <string>

#include "grpc/metadata.h"
#include "grpc/server_fixture.h"

namespace rocket::grpc {
namespace {

using rpc::Code;
using test::EventView;
using test::GrpcServerTest;
using test::H2Peer;
using test::kEcho;
using namespace rpc::event_flag;

using GrpcEncoding = GrpcServerTest;

TEST(GrpcEncodings, AreKnownByName) {
  EXPECT_EQ(encoding_of(""), Encoding::kIdentity);
  EXPECT_EQ(encoding_of("identity"), Encoding::kIdentity);
  EXPECT_EQ(encoding_of("gzip"), Encoding::kGzip);
  EXPECT_EQ(encoding_of("deflate"), Encoding::kDeflate);
  for (const auto* name : {"GZIP", "gzip ", "gzip,deflate", "snappy", "x"}) {
    EXPECT_EQ(encoding_of(name), Encoding::kUnknown) << name;
  }
}

TEST(GrpcEncodings, AreFoundInAList) {
  EXPECT_EQ(accepted_flags(""), 0);
  EXPECT_EQ(accepted_flags("identity"), 0);
  EXPECT_EQ(accepted_flags("gzip"), kTakesGzip);
  EXPECT_EQ(accepted_flags("identity,deflate,gzip"), kTakesGzip | kTakesDeflate);
  EXPECT_EQ(accepted_flags(" ,, \tdeflate ,br,"), kTakesDeflate);
  EXPECT_EQ(accepted_flags("gzipped,xgzip,gzip;q=1"), 0);
}

TEST(GrpcEncodings, AreToldInMetadataThatMayBeSent) {
  EXPECT_EQ(check_metadata(kAcceptEncoding).fault, MetadataFault::kNone);
}

TEST_F(GrpcEncoding, ARequestSaysHowItIsCompressedAndWhatItsPeerReads) {
  H2Peer peer(serve());
  std::int32_t flags = 0;
  std::string metadata;
  js_.on_request = [&](const EventView& event) {
    flags = event.flags & (kCompressed | kDeflate | kTakesGzip | kTakesDeflate | kAsciiText);
    metadata = event.text;
    js_.reply_with(event.id_low, event.id_high, {}, {}, {});
  };
  struct Case {
    H2Peer::Fields fields;
    std::uint8_t flag;
    std::int32_t flags;
  };
  const Case cases[] = {
      {{{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity,deflate,gzip"}},
       1,
       kCompressed | kTakesGzip | kTakesDeflate},
      {{{"grpc-encoding", "deflate"}, {"grpc-accept-encoding", "gzip"}}, 1, kCompressed | kDeflate | kTakesGzip},
      {{{"grpc-accept-encoding", "deflate"}, {"grpc-accept-encoding", "gzip"}}, 0, kTakesGzip | kTakesDeflate},
      {{}, 0, 0},
  };
  std::size_t calls = 0;
  for (const Case& each : cases) {
    const auto id = peer.open(H2Peer::request(kEcho, each.fields));
    peer.data(id, H2Peer::message("\xff", each.flag), true);
    ASSERT_TRUE(pump_requests(++calls));
    EXPECT_EQ(flags, each.flags);
    EXPECT_EQ(metadata, std::string(1, '\0'));
    EXPECT_EQ(peer.wait(id).status(), 0);
  }
}

TEST_F(GrpcEncoding, ACompressedMessageIsNotTakenForText) {
  H2Peer peer(serve());
  std::int32_t flags = 0;
  js_.on_request = [&](const EventView& event) {
    flags = event.flags;
    js_.reply_with(event.id_low, event.id_high, {}, {}, {});
  };
  const auto id = peer.open(H2Peer::request(kEcho, {{"grpc-encoding", "gzip"}}));
  // As plain text it would be a string field.
  peer.data(id, H2Peer::message("\x0a\x01x", 1), true);
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(flags & kAsciiText, 0);
}

TEST_F(GrpcEncoding, WhatCannotBeReadIsRefused) {
  H2Peer peer(serve());
  const auto ask = [&](const H2Peer::Fields& fields, std::uint8_t flag, std::string_view path = kEcho) {
    const auto id = peer.open(H2Peer::request(path, fields));
    peer.data(id, H2Peer::message("x", flag), true);
    return peer.wait(id);
  };
  EXPECT_EQ(ask({}, 1).status(), static_cast<int>(Code::kInternal));
  EXPECT_EQ(ask({{"grpc-encoding", "identity"}}, 1).status(), static_cast<int>(Code::kInternal));
  EXPECT_EQ(ask({{"grpc-encoding", "gzip"}}, 2).status(), static_cast<int>(Code::kInternal));
  const auto unknown = ask({{"grpc-encoding", "snappy"}}, 1);
  EXPECT_EQ(unknown.status(), static_cast<int>(Code::kUnimplemented));
  EXPECT_EQ(unknown.field("grpc-accept-encoding"), "identity,deflate,gzip");
  EXPECT_EQ(refused(), 4U);
  const auto native = ask({{"grpc-encoding", "gzip"}}, 1, "/grpc.health.v1.Health/Check");
  EXPECT_EQ(native.status(), static_cast<int>(Code::kInternal));
}

TEST_F(GrpcEncoding, AnUnknownEncodingIsNoMatterWhereNothingIsCompressed) {
  H2Peer peer(serve());
  const auto id = peer.call(kEcho, "plain", {{"grpc-encoding", "snappy"}});
  ASSERT_TRUE(pump_requests(1));
  EXPECT_EQ(peer.wait(id).body(), "plain");
}

}  // namespace
}  // namespace rocket::grpc
