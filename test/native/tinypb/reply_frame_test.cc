#include <gtest/gtest.h>

#include "rpc/server_call.h"
#include "tinypb/protocol.h"
#include "tinypb/reply_frame.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {
namespace {

void never(Timer&) { FAIL() << "no timer of these tests is armed"; }

TEST(FitText, CutsBetweenCharacters) {
  std::string scratch;
  EXPECT_EQ(fit_text("hello", 10, scratch), "hello");
  EXPECT_EQ(fit_text("hello", 5, scratch), "hello");
  EXPECT_EQ(fit_text("hello", 4, scratch), "hell");
  const std::string_view text = "a\u00e9\u20ac\U0001f600z";  // 1 + 2 + 3 + 4 + 1 bytes
  const std::size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (std::size_t most = 0; most < std::size(whole); ++most) {
    EXPECT_EQ(fit_text(text, most, scratch), text.substr(0, whole[most])) << most;
  }
  EXPECT_EQ(fit_text("\x80\x80\x80", 2, scratch), "") << "no beginning to cut at";
}

TEST(FitText, ReplacesNulBytes) {
  std::string scratch;
  EXPECT_EQ(fit_text(std::string_view("a\0b\0", 4), 10, scratch), "a?b?");
  EXPECT_EQ(fit_text(std::string_view("ab\0", 3), 2, scratch), "ab");
}

TEST(ReplyText, GivesOldPeersOnlyWhatTheyCanTake) {
  std::string scratch;
  const std::string long_text(2000, 'x');
  rpc::ServerCall old_peer(&never);
  EXPECT_EQ(reply_text(old_peer, {}, "key=value", scratch), "") << "metadata is not for it";
  EXPECT_EQ(reply_text(old_peer, {rpc::Code::kInternal}, long_text, scratch).size(), kOldPeerErrInfoBytes);
  rpc::ServerCall ours(&never);
  ours.marks = mark::kExtended;
  EXPECT_EQ(reply_text(ours, {}, "key=value", scratch), "key=value");
  EXPECT_EQ(reply_text(ours, {rpc::Code::kInternal}, long_text, scratch).size(), 2000U);
  EXPECT_EQ(reply_text(ours, {rpc::Code::kInternal}, std::string(20'000, 'x'), scratch).size(), kMaxTextBytes);
  rpc::ServerCall with_checksum(&never);
  with_checksum.marks = mark::kChecksum;
  EXPECT_EQ(reply_text(with_checksum, {rpc::Code::kInternal}, long_text, scratch).size(), 2000U);
  EXPECT_EQ(reply_text(with_checksum, {}, "key=value", scratch), "") << "it sent neither metadata nor a deadline";
}

}  // namespace
}  // namespace rocket::tinypb
