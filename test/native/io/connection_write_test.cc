#include <thread>

#include "support/connection_fixture.h"

namespace rocket::test {
namespace {

using io::CloseReason;
using io::Connection;

class ConnectionWrite : public ConnectionTest {};

Bytes receive_exactly(RawPeer& peer, std::size_t size) {
  Bytes got(size);
  std::size_t have = 0;
  while (have < size) {
    const std::size_t more = peer.receive(got.data() + have, size - have);
    if (more == 0) break;
    have += more;
  }
  got.resize(have);
  return got;
}

Bytes pattern(std::size_t size, std::size_t seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + seed);
  return bytes;
}

TEST_F(ConnectionWrite, EverythingOfATurnInOrder) {
  open();
  Bytes expected;
  on_io(io_, [&] {
    for (std::size_t i = 0; i < 300; ++i) {
      const Bytes bytes = pattern(1 + i * 37 % 3000, i);
      expected.insert(expected.end(), bytes.begin(), bytes.end());
      if (i % 10 == 3) {
        connection_->append_block(OwnedBytes::copy_of(bytes));
      } else {
        append(bytes);
      }
    }
  });
  EXPECT_TRUE(receive_exactly(*peer_, expected.size()) == expected);
  on_io(io_, [&] {
    EXPECT_EQ(connection_->appended_total(), expected.size());
    EXPECT_EQ(connection_->written_total(), expected.size());
    EXPECT_EQ(connection_->queued_bytes(), 0U);
  });
  EXPECT_EQ(gauges_.queued_bytes.load(), 0);
}

TEST_F(ConnectionWrite, MoreIsQueuedWhileAWriteIsPending) {
  open();
  Bytes expected;
  for (std::size_t i = 0; i < 40; ++i) {
    on_io(io_, [&] {
      const Bytes bytes = pattern(50'000, i);
      expected.insert(expected.end(), bytes.begin(), bytes.end());
      append(bytes);
    });
  }
  EXPECT_GT(gauges_.queued_bytes.load(), 0);
  EXPECT_TRUE(receive_exactly(*peer_, expected.size()) == expected);
}

TEST_F(ConnectionWrite, SaysWhenItIsBackloggedAndWhenItIsWritable) {
  limits_.max_write_queue_bytes = 100'000;
  open({}, 4096);
  const Bytes bytes = pattern(200'000, 1);
  on_io(io_, [&] {
    append(bytes);
    EXPECT_TRUE(connection_->backlogged());
  });
  on_io(io_, [&] { EXPECT_TRUE(connection_->backlogged()); });
  EXPECT_EQ(handler_->heard.get().writable, 0);
  EXPECT_TRUE(receive_exactly(*peer_, bytes.size()) == bytes);
  EXPECT_TRUE(handler_->heard.wait([](const Heard& heard) { return heard.writable == 1; }));
  on_io(io_, [&] { EXPECT_FALSE(connection_->backlogged()); });
}

TEST_F(ConnectionWrite, SaysThatItIsWritableEvenIfOneTurnQueuedAndWroteItAll) {
  limits_.max_write_queue_bytes = 1000;
  open({}, 1 << 20);
  on_io(io_, [&] {
    append(pattern(20'000, 1));
    EXPECT_TRUE(connection_->backlogged());  // whoever sees this stops until on_writable()
  });
  EXPECT_TRUE(handler_->heard.wait([](const Heard& heard) { return heard.writable == 1; }));
  EXPECT_EQ(receive_exactly(*peer_, 20'000).size(), 20'000U);
}

TEST_F(ConnectionWrite, ASlowReaderIsClosedAfterNoProgress) {
  limits_.idle_timeout = Millis(50);
  open({}, 4096);
  on_io(io_, [&] { append(pattern(1'000'000, 1)); });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kSlowReader);
}

TEST_F(ConnectionWrite, ClosingDropsWhatIsPending) {
  open({}, 4096);
  on_io(io_, [&] {
    append(pattern(1'000'000, 1));
    connection_->append_block(OwnedBytes(1'000'000));
  });
  on_io(io_, [&] {
    EXPECT_GT(gauges_.queued_bytes.load(), 0);  // in the next turn
    connection_->close(CloseReason::kLocal);
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(gauges_.queued_bytes.load(), 0);
  EXPECT_TRUE(peer_->read_to_end());
  EXPECT_EQ(handler_->heard.get().closed, 1);
}

TEST_F(ConnectionWrite, AppendingInTheTurnThatClosesIsHarmless) {
  open();
  on_io(io_, [&] {
    connection_->close(CloseReason::kLocal);
    append(pattern(100, 1));
    connection_->close(CloseReason::kReset);
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLocal);
  EXPECT_EQ(gauges_.queued_bytes.load(), 0);
}

TEST_F(ConnectionWrite, CloseWhenWrittenWritesFirst) {
  open({}, 4096);
  const Bytes bytes = pattern(500'000, 1);
  on_io(io_, [&] {
    append(bytes);
    connection_->close_when_written();
  });
  EXPECT_EQ(handler_->heard.get().closed, 0);
  EXPECT_TRUE(receive_exactly(*peer_, bytes.size()) == bytes);
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLocal);
  EXPECT_TRUE(peer_->read_to_end());
}

TEST_F(ConnectionWrite, CloseWhenWrittenWithNothingToWrite) {
  open();
  on_io(io_, [&] { connection_->close_when_written(); });
  ASSERT_TRUE(wait_closed());
}

TEST_F(ConnectionWrite, APeerThatIsGoneEndsIt) {
  open({}, 4096);
  on_io(io_, [&] { append(pattern(1'000'000, 1)); });
  peer_->close();
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(gauges_.queued_bytes.load(), 0);
}

TEST_F(ConnectionWrite, WhatAServerSentBeforeItWasGoneIsRead) {
  open();
  on_io(io_, [&] {
    peer_->send(test_frame(100, 7));
    peer_->close();
    append(pattern(100, 1));
    connection_->write_now();
    EXPECT_TRUE(handler_->heard.get().frames.empty());  // not in the middle of a write
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(handler_->heard.get().frames, std::vector<Bytes>{test_frame(100, 7)});
}

TEST_F(ConnectionWrite, ACallerThatIsGoneIsNotRead) {
  open([](TestHandler& handler) { handler.is_server = true; });
  on_io(io_, [&] {
    peer_->send(test_frame(100, 7));
    peer_->close();
    append(pattern(100, 1));
    connection_->write_now();
    EXPECT_FALSE(connection_->open());
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kReset);
  EXPECT_TRUE(handler_->heard.get().frames.empty());
}

}  // namespace
}  // namespace rocket::test
