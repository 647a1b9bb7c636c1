#include "grpc/inflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "grpc/server_fixture.h"
#include "grpc/server_session.h"
#include "support/hex.h"

namespace rocket::grpc {
namespace {

using test::Bytes;
using test::H2Peer;
using test::operator+;

constexpr std::size_t kMostBytes = 4096;
const std::string kOrder = "\n\rorder.v1.Order";

/// By zlib; `level` 0: as it is.
Bytes packed(Encoding encoding, std::string text, int level = 9) {
  z_stream stream{};
  const int window = MAX_WBITS + (encoding == Encoding::kGzip ? 16 : 0);
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  return Bytes(out.begin(), out.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
}

Inflated open(ByteSpan bytes, Encoding encoding, std::string& out, std::size_t most = kMostBytes) {
  // A copy, so that a read past it is seen.
  const Bytes exact(bytes.begin(), bytes.end());
  return inflate(zlib_of_process(), exact, encoding, most, out);
}

constexpr Encoding kBoth[] = {Encoding::kGzip, Encoding::kDeflate};

TEST(GrpcInflate, OpensWhatIsWithinTheLimit) {
  std::string out;
  for (const Encoding encoding : kBoth) {
    for (const int level : {0, 9}) {
      for (const std::string& text : {std::string(), kOrder, std::string(1000, 'x')}) {
        const Bytes bytes = packed(encoding, text, level);
        EXPECT_EQ(open(bytes, encoding, out, text.size()), Inflated::kWhole);
        EXPECT_EQ(out, text);
        if (text.empty()) continue;
        EXPECT_EQ(open(bytes, encoding, out, text.size() - 1), Inflated::kTooLarge);
        EXPECT_EQ(out, "");
      }
    }
    EXPECT_EQ(open(packed(encoding, std::string(4'000'000, 'x')), encoding, out), Inflated::kTooLarge);
  }
}

TEST(GrpcInflate, RefusesWhatIsCutOffOrSomethingElse) {
  std::string out;
  for (const Encoding encoding : kBoth) {
    const Bytes bytes = packed(encoding, kOrder);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(open(ByteSpan(bytes).first(size), encoding, out), Inflated::kCorrupt) << size;
    }
    for (const Bytes& more : {Bytes{0}, Bytes{'x'}, Bytes(100)}) {
      EXPECT_EQ(open(bytes + more, encoding, out), Inflated::kCorrupt);
    }
    const Encoding other = encoding == Encoding::kGzip ? Encoding::kDeflate : Encoding::kGzip;
    EXPECT_EQ(open(bytes, other, out), Inflated::kCorrupt);
    EXPECT_EQ(open(as_bytes(kOrder), encoding, out), Inflated::kCorrupt);
    EXPECT_EQ(out, "");
  }
}

TEST(GrpcInflate, TakesSeveralMembersOfGzipAsOneMessage) {
  const Bytes members = packed(Encoding::kGzip, "one ") + packed(Encoding::kGzip, "") + packed(Encoding::kGzip, "two");
  std::string out;
  EXPECT_EQ(open(members, Encoding::kGzip, out), Inflated::kWhole);
  EXPECT_EQ(out, "one two");
  EXPECT_EQ(open(members, Encoding::kGzip, out, 6), Inflated::kTooLarge);
  // The limit is that of all of them.
  EXPECT_EQ(open(members + packed(Encoding::kGzip, "x"), Encoding::kGzip, out, 7), Inflated::kTooLarge);
  EXPECT_EQ(open(packed(Encoding::kDeflate, "one") + packed(Encoding::kDeflate, "two"), Encoding::kDeflate, out),
            Inflated::kCorrupt);
}

/// They become nothing, and take time.
TEST(GrpcInflate, DoesNotReadALongRowOfEmptyBlocks) {
  Bytes bytes = test::hex("78 01");
  for (int i = 0; i < 100'000; ++i) bytes = std::move(bytes) + test::hex("00 0000 ffff");
  bytes = std::move(bytes) + test::hex("01 0000 ffff 00000001");
  std::string out;
  EXPECT_EQ(open(bytes, Encoding::kDeflate, out), Inflated::kTooLarge);
}

int init_of_another_abi(z_stream_s*, int, const char*, int) { return Z_VERSION_ERROR; }
int init_without_memory(z_stream_s*, int, const char*, int) { return Z_MEM_ERROR; }

TEST(GrpcInflate, SaysWhyItCannot) {
  const Bytes bytes = packed(Encoding::kGzip, kOrder);
  std::string out;
  EXPECT_EQ(inflate(nullptr, bytes, Encoding::kGzip, kMostBytes, out), Inflated::kUnavailable);
  Zlib zlib = *zlib_of_process();
  zlib.init = &init_of_another_abi;
  EXPECT_EQ(inflate(&zlib, bytes, Encoding::kGzip, kMostBytes, out), Inflated::kUnavailable);
  zlib.init = &init_without_memory;
  EXPECT_EQ(inflate(&zlib, bytes, Encoding::kGzip, kMostBytes, out), Inflated::kNoMemory);
}

class GrpcInflateServer : public test::GrpcServerTest {
 protected:
  H2Peer::Reply check_health(H2Peer& peer, const char* encoding, const Bytes& message) {
    const auto id = peer.open(H2Peer::request("/grpc.health.v1.Health/Check", {{"grpc-encoding", encoding}}));
    peer.data(id, H2Peer::message(message, 1), true);
    return peer.wait(id);
  }
};

TEST_F(GrpcInflateServer, HealthIsToldToWhoeverCompresses) {
  H2Peer peer(serve());
  EXPECT_EQ(check_health(peer, "gzip", packed(Encoding::kGzip, "\n\4Echo")).body(), "\x08\x01");
  EXPECT_EQ(check_health(peer, "deflate", packed(Encoding::kDeflate, "\n\4Echo")).body(), "\x08\x01");
  EXPECT_EQ(check_health(peer, "gzip", packed(Encoding::kGzip, std::string(5000, 'x'))).status(),
            static_cast<int>(rpc::Code::kResourceExhausted));
}

TEST_F(GrpcInflateServer, WithoutZlibTheEncodingIsNotSupported) {
  H2Peer peer(serve());
  io::IoThread& io = *js_.io_threads(1).back();
  std::shared_ptr<SessionResources> resources;
  test::on_io(io, [&] {
    resources = SessionResources::of_thread();
    resources->zlib = nullptr;
  });
  for (const char* encoding : {"gzip", "deflate"}) {
    const auto reply = check_health(peer, encoding, packed(Encoding::kGzip, ""));
    EXPECT_EQ(reply.status(), static_cast<int>(rpc::Code::kUnimplemented));
    EXPECT_EQ(reply.field("grpc-accept-encoding"), "identity");
  }
  EXPECT_EQ(peer.wait(peer.call("/grpc.health.v1.Health/Check", "")).body(), "\x08\x01");
  EXPECT_EQ(refused(), 2U);
  test::on_io(io, [&] { resources.reset(); });
}

}  // namespace
}  // namespace rocket::grpc
