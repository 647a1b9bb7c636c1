#include "io/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

#include "support/on_io.h"
#include "support/raw_peer.h"

namespace rocket::io {
namespace {

using test::Monitor;
using test::on_io;
using test::RawPeer;

class AcceptorTest : public testing::Test {
 protected:
  AcceptorTest() {
    auto opened = Listener::open(*parse_address("127.0.0.1:0"), 512);
    address_ = std::get<Listener>(opened).bound_text();
    acceptor_ = std::make_shared<Acceptor>(
        io_, std::move(std::get<Listener>(opened)),
        [this](auto batch) {
          accepted_.change([&](std::vector<int>& fds) {
            for (const auto& one : batch) fds.push_back(one.fd);
          });
        },
        [this](int error) { starved_.change([&](std::vector<int>& errors) { errors.push_back(error); }); });
    io_.post([acceptor = acceptor_] { acceptor->start(); });
  }
  ~AcceptorTest() override {
    on_io(io_, [this] { acceptor_->stop(), acceptor_.reset(); });
    close_accepted();
    io_.stop_and_join();
  }
  bool wait_accepted(std::size_t count) {
    return accepted_.wait([=](const std::vector<int>& fds) { return fds.size() >= count; });
  }
  void close_accepted() {
    accepted_.change([](std::vector<int>& fds) {
      for (const int fd : fds) ::close(fd);
      fds.clear();
    });
  }

  IoThread io_{"test", 0};
  std::string address_;
  std::shared_ptr<Acceptor> acceptor_;
  Monitor<std::vector<int>> accepted_;
  Monitor<std::vector<int>> starved_;
};

TEST_F(AcceptorTest, DeliversEveryConnectionWithItsPeer) {
  std::vector<RawPeer> peers;
  for (int i = 0; i < 200; ++i) peers.emplace_back(address_);
  EXPECT_TRUE(wait_accepted(200));
}

TEST_F(AcceptorTest, SurvivesConnectionsThatAreResetAtOnce) {
  for (int i = 0; i < 1000; ++i) RawPeer(address_).reset();
  RawPeer good(address_);
  ASSERT_TRUE(good.send(as_bytes("x")));
  // The good one is the last of those that are delivered.
  EXPECT_TRUE(accepted_.wait([](const std::vector<int>& fds) {
    char byte;
    return !fds.empty() && ::recv(fds.back(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  }) || wait_accepted(1001));
}

TEST_F(AcceptorTest, SurvivesRunningOutOfDescriptorsAndAcceptsAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan looks at memory through a pipe, and takes the lack of descriptors for a bad pointer";
#endif
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The peers' sockets first: they are of this process too.
  std::vector<int> sockets;
  for (int i = 0; i < 10; ++i) sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  const int highest = sockets.back();
  // Nothing over `highest` can be opened, so nothing can be accepted.
  const rlimit low{static_cast<rlim_t>(highest) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto to = *parse_address(address_);
  for (const int fd : sockets) EXPECT_EQ(::connect(fd, to.get(), to.length), 0);
  const bool backed_off = test::eventually({&io_}, [this] { return acceptor_->backoffs() >= 2; });
  const std::size_t accepted_meanwhile = accepted_.get().size();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(backed_off);
  EXPECT_EQ(accepted_meanwhile, 0U);
  EXPECT_EQ(starved_.get(), std::vector<int>{EMFILE});
  EXPECT_TRUE(wait_accepted(sockets.size()));
  RawPeer later(address_);
  EXPECT_TRUE(wait_accepted(sockets.size() + 1));
  for (const int fd : sockets) ::close(fd);
}

TEST_F(AcceptorTest, StopsTwiceAndDeliversNothingMore) {
  on_io(io_, [this] {
    acceptor_->stop();
    acceptor_->stop();
  });
  EXPECT_THROW(RawPeer peer(address_), std::system_error);
  EXPECT_TRUE(accepted_.get().empty());
}

}  // namespace
}  // namespace rocket::io
