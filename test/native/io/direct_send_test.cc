#include <algorithm>
#include <thread>

#include "support/connection_fixture.h"

namespace rocket::test {
namespace {

using io::CloseReason;
using io::Connection;

/// The test's thread is the JavaScript thread.
class DirectSend : public ConnectionTest {
 protected:
  /// What Outbox does: send directly, finish on the io thread, or queue.
  Connection::Direct send(const Bytes& frame) {
    std::size_t sent = 0;
    const auto result = connection_->direct_send(frame, sent);
    switch (result) {
      case Connection::Direct::kSent: break;
      case Connection::Direct::kPartial:
        io_.post([connection = connection_, rest = Bytes(frame.begin() + static_cast<std::ptrdiff_t>(sent),
                                                         frame.end())] { connection->finish_direct(rest); });
        break;
      case Connection::Direct::kBusy:
        io_.post([connection = connection_, frame] {
          if (connection->open()) std::copy(frame.begin(), frame.end(), connection->append(frame.size()));
        });
    }
    return result;
  }
  /// Reads `count` frames, each of one repeated byte and whole, and returns how often each byte came. Their order is
  /// open: what was queued may be overtaken by what is sent directly.
  std::vector<std::size_t> read_frames(std::size_t count) {
    std::vector<std::size_t> seen(256);
    std::vector<std::uint8_t> buffer(64 * 1024);
    Bytes held;
    for (std::size_t frames = 0; frames < count;) {
      const std::size_t got = peer_->receive(buffer.data(), buffer.size());
      if (got == 0) break;
      held.insert(held.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
      std::size_t at = 0;
      for (; held.size() - at >= 4 && held.size() - at >= load_be32(held.data() + at); ++frames) {
        const std::size_t size = load_be32(held.data() + at);
        EXPECT_GE(size, 5U);
        const auto begin = held.begin() + static_cast<std::ptrdiff_t>(at + 4);
        const auto end = held.begin() + static_cast<std::ptrdiff_t>(at + size);
        EXPECT_EQ(std::count(begin, end, *begin), end - begin) << "frames are mixed up";
        ++seen[*begin];
        at += size;
      }
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(at));
    }
    EXPECT_TRUE(held.empty());
    return seen;
  }
  /// As read_frames() for frames numbered from 0 in their bytes, modulo 256.
  void expect_frames(std::size_t count) {
    const auto seen = read_frames(count);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], count / 256 + (i < count % 256 ? 1 : 0)) << i;
  }
};

TEST_F(DirectSend, Whole) {
  open();
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(send(test_frame(100, static_cast<std::uint8_t>(i))), Connection::Direct::kSent);
  }
  expect_frames(100);
}

TEST_F(DirectSend, PartialWhenTheBufferIsSmall) {
  open({}, 4608);
  std::size_t partial = 0;
  std::thread reader;
  constexpr std::size_t kFrames = 2000;
  reader = std::thread([this] { expect_frames(kFrames); });
  for (std::size_t i = 0; i < kFrames; ++i) {
    if (send(test_frame(3000, static_cast<std::uint8_t>(i))) == Connection::Direct::kPartial) ++partial;
  }
  reader.join();
  SUCCEED() << partial << " partial";
}

TEST_F(DirectSend, PartialOverTcp) {
  // A Unix socket takes a small frame whole or not at all; TCP with a full buffer takes a part.
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto any = *io::parse_address("127.0.0.1:0");
  ASSERT_EQ(::bind(listening, any.get(), any.length), 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  socklen_t length = sizeof any.storage;
  ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&any.storage), &length), 0);
  peer_ = std::make_unique<RawPeer>(io::to_text(any.get(), length), 4096);
  const int fd = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK);
  ::close(listening);
  const int small = 4096;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  on_io(io_, [&] {
    io::StreamSocket socket(io_.context());
    socket.assign({AF_INET, IPPROTO_TCP}, fd);
    connection_ = std::make_shared<Connection>(io_, std::move(socket), io::PeerAddress(), limits_, gauges_);
    handler_ = std::make_unique<TestHandler>(connection_);
    connection_->start(*handler_);
  });
  std::size_t partial = 0;
  std::size_t frames = 0;
  for (; frames < 1000 && partial == 0; ++frames) {
    if (send(test_frame(3001, static_cast<std::uint8_t>(frames))) == Connection::Direct::kPartial) ++partial;
  }
  EXPECT_EQ(partial, 1U);
  std::thread reader([&] { expect_frames(frames + 100); });
  for (std::size_t i = 0; i < 100; ++i) send(test_frame(3001, static_cast<std::uint8_t>(frames + i)));
  reader.join();
}

TEST_F(DirectSend, IsBusyWhileTheQueueIsBeingWritten) {
  open({}, 4096);
  on_io(io_, [&] { append(test_frame(1'000'000, 0)); });
  on_io(io_, [] {});  // the turn that writes has ended
  std::size_t sent = 0;
  EXPECT_EQ(connection_->direct_send(test_frame(10, 1), sent), Connection::Direct::kBusy);
  EXPECT_EQ(sent, 0U);
  std::thread reader([this] { expect_frames(1); });
  reader.join();
}

TEST_F(DirectSend, IsBusyOnceClosed) {
  open();
  on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
  std::size_t sent = 0;
  EXPECT_EQ(connection_->direct_send(test_frame(10, 1), sent), Connection::Direct::kBusy);
}

TEST_F(DirectSend, RacesWithTheWriterAndLosesNothing) {
  open({}, 8192);
  constexpr std::size_t kFrames = 3000;
  std::thread reader([&] {
    const auto seen = read_frames(2 * kFrames);
    EXPECT_EQ(seen[5], kFrames);
    EXPECT_EQ(seen[7], kFrames);
  });
  for (std::size_t i = 0; i < kFrames; ++i) {
    io_.post([this] { append(test_frame(700, 7)); });
    send(test_frame(500, 5));
  }
  reader.join();
}

TEST_F(DirectSend, RacesWithClose) {
  for (int round = 0; round < 300; ++round) {
    open();
    io_.post([connection = connection_] { connection->close(CloseReason::kLocal); });
    for (int i = 0; i < 20; ++i) send(test_frame(100, 1));
    ASSERT_TRUE(wait_closed());
    EXPECT_TRUE(peer_->read_to_end()) << "the descriptor stays open";
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

}  // namespace
}  // namespace rocket::test
