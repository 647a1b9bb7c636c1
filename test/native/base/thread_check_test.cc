#include "base/thread_check.h"

#include <gtest/gtest.h>

#include <thread>

#include "io/io_thread.h"
#include "support/on_io.h"

#ifdef ROCKET_CHECK_THREADS

namespace rocket {
namespace {

TEST(ThreadCheck, GivesAnObjectToTheFirstThread) {
  const JsThread owner;
  EXPECT_TRUE(owner.is_this());
  bool other = true;
  std::thread([&] { other = owner.is_this(); }).join();
  EXPECT_FALSE(other);
  EXPECT_TRUE(owner.is_this());
}

TEST(ThreadCheck, LetsNobodyTouchAnIoThreadThatRuns) {
  io::IoThread io("check", 0);
  bool own = false;
  test::on_io(io, [&] { own = io.may_touch(); });
  EXPECT_TRUE(own);
  EXPECT_FALSE(io.may_touch());
  io.stop_and_join();
  EXPECT_TRUE(io.may_touch());
}

}  // namespace
}  // namespace rocket

#endif
