#include "grpc/server_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rocket::grpc {
namespace {

TEST(GrpcServerRequestPool, KeepsMemoryForSomeFreeRequestsOnly) {
  ServerRequestPool pool([](Timer&) {});
  constexpr std::size_t kMany = 6000;
  const std::vector<std::uint8_t> part = {0, 0, 0, 1, 0, 'x'};
  std::vector<ServerRequest*> taken;
  for (std::size_t i = 0; i < kMany; ++i) {
    ServerRequest& request = pool.take();
    request.metadata = std::string(500, 'm');
    ByteSpan data = part;
    MessageReader::Message message;
    ASSERT_EQ(request.reader.next(data, 1000, message), MessageReader::Result::kNeedsMore);
    taken.push_back(&request);
  }
  for (ServerRequest* request : taken) pool.give(*request);
  EXPECT_EQ(pool.taken(), 0U);
  std::size_t readers = 0;
  std::size_t metadata = 0;
  for (const ServerRequest* request : taken) {
    if (request->reader.held_bytes() > 0) ++readers;
    if (request->metadata.capacity() >= 500) ++metadata;
  }
  EXPECT_EQ(readers, 4096U);
  EXPECT_EQ(metadata, 4096U);
}

}  // namespace
}  // namespace rocket::grpc
