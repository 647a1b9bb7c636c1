// What a peer does to make a little of its own cost us much, and what an honest one does that looks like it.
#include <gtest/gtest.h>

#include "h2/session_fixture.h"

namespace rocket::test {
namespace {

std::uint32_t odd(int i) { return 2 * static_cast<std::uint32_t>(i) + 1; }

TEST(SessionAttack, DataOnTheWayToManyStreamsThatWeHaveEndedIsNobodysFault) {
  h2::Options options;
  options.max_streams = 1024;
  SessionFixture h2(options);
  h2.open();
  // All are answered before their data have come, which go in turns as an honest client sends them.
  for (int i = 0; i < 500; ++i) {
    h2.feed(headers(odd(i), false));
    h2.session.send_headers(h2.stream(odd(i)), kReplyTrailers, true);
    h2.release(odd(i));
  }
  h2.take_written();
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < 500; ++i) EXPECT_EQ(h2.feed(data(odd(i), Bytes(100, 'x'), round == 3)), Lines{});
  EXPECT_EQ(h2.take_written(), Lines{});
}

TEST(SessionAttack, AnEndOfAllStreamsInOneTurnIsNoFlood) {
  h2::Options options;
  options.max_streams = 3000;
  SessionFixture h2(options);
  h2.open();
  h2.unread = true;  // before the end of the turn nothing is written
  for (int i = 0; i < 3000; ++i) {
    h2.feed(headers(odd(i), false));
    h2.session.send_headers(h2.stream(odd(i)), kReplyTrailers, true);
    h2.release(odd(i));
    ASSERT_FALSE(h2.session.closed()) << i;
  }
}

}  // namespace
}  // namespace rocket::test
