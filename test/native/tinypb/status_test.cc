#include "tinypb/status.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tinypb/wire_code.h"

namespace rocket::tinypb {
namespace {

using rpc::Code;
using rpc::Reason;
using rpc::Status;

constexpr int kCodes = 17;

TEST(Status, OfCppRocketsCodes) {
  const Code codes[] = {Code::kUnavailable,   Code::kUnavailable,   Code::kUnavailable,   Code::kInvalidArgument,
                        Code::kInternal,      Code::kInternal,      Code::kInternal,      Code::kDeadlineExceeded,
                        Code::kUnimplemented, Code::kUnimplemented, Code::kUnimplemented, Code::kInternal,
                        Code::kUnavailable};
  std::int32_t wire_code = 10'000'000;
  for (const Code code : codes) {
    const Status status = status_of(wire_code);
    EXPECT_EQ(status.code, code) << wire_code;
    EXPECT_EQ(status.own, wire_code);
    EXPECT_FALSE(status.refused);
    ++wire_code;
  }
}

TEST(Status, OfOurCodesAndRefusals) {
  for (int number = 1; number < kCodes; ++number) {
    const Status plain = status_of(kStatusBase + number);
    EXPECT_EQ(plain.code, static_cast<Code>(number));
    EXPECT_FALSE(plain.refused);
    const Status refused = status_of(kRefusedBase + number);
    EXPECT_EQ(refused.code, static_cast<Code>(number));
    EXPECT_TRUE(refused.refused);
  }
}

TEST(Status, OfAnApplicationsOwnNumberKeepsIt) {
  for (const std::int32_t own : {1, 42, -1, 9'999'999, 10'000'013, 19'999'999, 20'000'000, 20'000'017, 20'000'100,
                                 20'000'117, INT32_MAX, INT32_MIN}) {
    const Status status = status_of(own);
    EXPECT_EQ(status.code, Code::kUnknown) << own;
    EXPECT_EQ(status.own, own);
    EXPECT_EQ(wire_code_of(status), own);
  }
}

TEST(Status, GoesOutAsTheCodeThatSaysMost) {
  EXPECT_EQ(wire_code_of({}), kOk);
  EXPECT_EQ(wire_code_of({Code::kNotFound}), kStatusBase + 5);
  EXPECT_EQ(wire_code_of({Code::kNotFound, Reason::kNone, false, 77}), 77);
  EXPECT_EQ(wire_code_of({Code::kDeadlineExceeded}), kRpcCallTimeout);
  EXPECT_EQ(wire_code_of(Status::refusal(Code::kUnavailable)), kRefusedClosing);
  EXPECT_EQ(wire_code_of({Code::kUnimplemented, Reason::kNoService}), kServiceNotFound);
  EXPECT_EQ(wire_code_of({Code::kUnimplemented, Reason::kNoMethod}), kMethodNotFound);
  EXPECT_EQ(wire_code_of({Code::kUnimplemented, Reason::kNoName}), kParseServiceName);
  EXPECT_EQ(wire_code_of({Code::kInvalidArgument, Reason::kUnreadable}), kFailedDeserialize);
}

TEST(Status, CrossesAsOneWordAndItsOwnNumber) {
  for (int number = 0; number < kCodes; ++number) {
    for (const bool refused : {false, true}) {
      const Status status{static_cast<Code>(number), Reason::kUnreadable, refused, -5};
      const Status again = Status::from_word(status.word(), -5);
      EXPECT_EQ(again.code, status.code);
      EXPECT_EQ(again.reason, status.reason);
      EXPECT_EQ(again.refused, refused);
      EXPECT_EQ(again.own, -5);
    }
  }
  EXPECT_EQ(Status::from_word(200, 0).code, Code::kUnknown);
}

}  // namespace
}  // namespace rocket::tinypb
