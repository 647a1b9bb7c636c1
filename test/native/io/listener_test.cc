#include "io/listener.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "support/raw_peer.h"

namespace rocket::io {
namespace {

std::variant<Listener, ListenError> open(const std::string& address) {
  return Listener::open(*parse_address(address), 16);
}

std::string socket_path(const char* name) {
  return testing::TempDir() + "rocket-" + std::to_string(::getpid()) + "-" + name;
}

TEST(Listener, PortZeroBecomesARealPort) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0"}) {
    auto opened = open(address);
    if (std::holds_alternative<ListenError>(opened)) {
      // A container without IPv6.
      EXPECT_STREQ(address, "[::1]:0");
      continue;
    }
    const auto bound = std::get<Listener>(opened).bound_text();
    EXPECT_FALSE(bound.ends_with(":0")) << bound;
    test::RawPeer peer(bound);
    EXPECT_GE(peer.fd(), 0);
  }
}

TEST(Listener, SaysThatTheAddressIsInUse) {
  auto first = open("127.0.0.1:0");
  auto second = open(std::get<Listener>(first).bound_text());
  ASSERT_TRUE(std::holds_alternative<ListenError>(second));
  EXPECT_EQ(std::get<ListenError>(second).code, EADDRINUSE);
  EXPECT_STREQ(std::get<ListenError>(second).step, "bind");
}

TEST(Listener, SaysThatTheAddressIsNotOurs) {
  auto opened = open("192.0.2.1:0");
  ASSERT_TRUE(std::holds_alternative<ListenError>(opened));
  EXPECT_EQ(std::get<ListenError>(opened).code, EADDRNOTAVAIL);
}

TEST(Listener, ClosesItselfUnlessReleased) {
  std::string address;
  {
    auto opened = open("127.0.0.1:0");
    address = std::get<Listener>(opened).bound_text();
  }
  auto again = open(address);
  ASSERT_TRUE(std::holds_alternative<Listener>(again));
  const int fd = std::get<Listener>(again).release();
  ASSERT_GE(fd, 0);
  EXPECT_TRUE(std::holds_alternative<ListenError>(open(address)));
  ::close(fd);
}

TEST(Listener, ReplacesAStaleUnixSocket) {
  const std::string path = socket_path("stale.sock");
  { auto killed = open("unix:" + path); }
  ASSERT_EQ(::access(path.c_str(), F_OK), 0) << "as a killed server leaves it";
  auto opened = open("unix:" + path);
  ASSERT_TRUE(std::holds_alternative<Listener>(opened));
  EXPECT_EQ(std::get<Listener>(opened).file().path(), path);
  test::RawPeer peer("unix:" + path);
  EXPECT_GE(peer.fd(), 0);
  ::unlink(path.c_str());
}

TEST(Listener, LeavesALivingUnixSocketAlone) {
  const std::string path = socket_path("living.sock");
  auto living = open("unix:" + path);
  ASSERT_TRUE(std::holds_alternative<Listener>(living));
  auto second = open("unix:" + path);
  ASSERT_TRUE(std::holds_alternative<ListenError>(second));
  EXPECT_EQ(std::get<ListenError>(second).code, EADDRINUSE);
  test::RawPeer peer("unix:" + path);
  EXPECT_GE(peer.fd(), 0);
  ::unlink(path.c_str());
}

TEST(Listener, RemovesOnlyItsOwnSocketFile) {
  const std::string path = socket_path("replaced.sock");
  auto first = open("unix:" + path);
  ASSERT_TRUE(std::holds_alternative<Listener>(first));
  SocketFile file = std::get<Listener>(first).file();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  auto second = open("unix:" + path);
  ASSERT_TRUE(std::holds_alternative<Listener>(second));
  file.remove();
  EXPECT_EQ(::access(path.c_str(), F_OK), 0) << "another server's";
  SocketFile other = std::get<Listener>(second).file();
  other.remove();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Listener, DoesNotFollowALinkToAStaleSocket) {
  const std::string path = socket_path("target.sock");
  const std::string link = socket_path("link.sock");
  { auto killed = open("unix:" + path); }
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  auto opened = open("unix:" + link);
  ASSERT_TRUE(std::holds_alternative<ListenError>(opened));
  EXPECT_EQ(std::get<ListenError>(opened).code, EADDRINUSE);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
  ::unlink(link.c_str());
}

#if defined(__linux__)
TEST(Listener, AnAbstractSocketHasNoFile) {
  const std::string name = "unix:@rocket-" + std::to_string(::getpid());
  auto opened = open(name);
  ASSERT_TRUE(std::holds_alternative<Listener>(opened));
  EXPECT_EQ(std::get<Listener>(opened).bound_text(), name);
  EXPECT_TRUE(std::get<Listener>(opened).file().empty());
  EXPECT_NE(::access(name.substr(5).c_str(), F_OK), 0);
  auto second = open(name);
  ASSERT_TRUE(std::holds_alternative<ListenError>(second));
  EXPECT_EQ(std::get<ListenError>(second).code, EADDRINUSE);
  test::RawPeer peer(name);
  EXPECT_GE(peer.fd(), 0);
}
#endif

TEST(Listener, NeverRemovesAFileThatIsNoSocket) {
  const std::string path = socket_path("file");
  std::ofstream(path) << "precious";
  EXPECT_TRUE(std::holds_alternative<ListenError>(open("unix:" + path)));
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace rocket::io
