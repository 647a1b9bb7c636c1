#include "grpc/request_line.h"

#include <gtest/gtest.h>

#include <string>

namespace rocket::grpc {
namespace {

TEST(GrpcContentType, IsProtobufOrNothingSaid) {
  for (const auto* value :
       {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc+proto; q=1",
        "Application/GRPC", "APPLICATION/GRPC+PROTO", "application/grpc ;x", "application/grpc\t"}) {
    EXPECT_TRUE(is_grpc_content_type(value)) << value;
  }
}

TEST(GrpcContentType, IsSomethingElse) {
  for (const auto* value :
       {"", "application/json", "application/grp", "application/grpc+json", "application/grpc-web",
        "application/grpc-web+proto", "application/grpc+proto2", "application/grpcx", "application/grpc+",
        " application/grpc", "text/plain; application/grpc", "application/grpc,application/grpc"}) {
    EXPECT_FALSE(is_grpc_content_type(value)) << value;
  }
}

TEST(GrpcPath, IsSplitAtItsLastSlash) {
  std::string_view service, method;
  ASSERT_TRUE(split_path("/pkg.Service/Method", service, method));
  EXPECT_EQ(service, "pkg.Service");
  EXPECT_EQ(method, "Method");
  ASSERT_TRUE(split_path("/a/b/c", service, method));
  EXPECT_EQ(service, "a/b");
  EXPECT_EQ(method, "c");
}

TEST(GrpcPath, IsNone) {
  std::string_view service, method;
  for (const auto* path : {"", "/", "//", "/a", "/a/", "//a", "a/b", "*", "pkg.Service/Method"})
    EXPECT_FALSE(split_path(path, service, method)) << path;
}

}  // namespace
}  // namespace rocket::grpc
