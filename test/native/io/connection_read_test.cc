#include <random>

#include "support/connection_fixture.h"

namespace rocket::test {
namespace {

using io::CloseReason;

class ConnectionRead : public ConnectionTest {};

TEST_F(ConnectionRead, FramesOfEverySizeInPiecesOfEverySize) {
  open();
  std::mt19937 random(3);
  Bytes stream;
  std::vector<Bytes> sent;
  for (const std::size_t size : {4U, 5U, 63U, 64U, 65U, 1000U, 16'383U, 16'384U, 40'000U, 65'535U, 65'536U, 65'537U, 4U,
                                 131'072U, 200'000U, 1'000'000U, 7U}) {
    sent.push_back(test_frame(size, static_cast<std::uint8_t>(random())));
    stream.insert(stream.end(), sent.back().begin(), sent.back().end());
  }
  const std::size_t rounds = 6;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t longest = std::size_t{1} << (5 + 3 * round);
    for (ByteSpan rest(stream); !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % longest));
      ASSERT_TRUE(peer_->send(piece));
      rest = rest.subspan(piece.size());
    }
  }
  ASSERT_TRUE(wait_frames(sent.size() * rounds));
  const Heard heard = handler_->heard.get();
  std::size_t small = 0;
  std::size_t large = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const Bytes& frame : sent) {
      // A frame of 64 KiB and more comes in a block of its own unless all of it lay in the read buffer.
      if (large < heard.large_frames.size() && heard.large_frames[large] == frame) {
        ++large;
      } else {
        ASSERT_LT(small, heard.frames.size());
        ASSERT_TRUE(heard.frames[small] == frame) << frame.size();
        ++small;
      }
    }
  }
  EXPECT_EQ(small + large, sent.size() * rounds);
  EXPECT_GT(large, 0U);
}

TEST_F(ConnectionRead, OneByteSegments) {
  open();
  const Bytes frame = test_frame(40);
  for (int i = 0; i < 5; ++i) {
    for (const auto& byte : frame) {
      ASSERT_TRUE(peer_->send({&byte, 1}));
      on_io(io_, [] {});
    }
  }
  ASSERT_TRUE(wait_frames(5));
  for (const auto& got : handler_->heard.get().frames) EXPECT_EQ(got, frame);
}

TEST_F(ConnectionRead, EndOfStreamBetweenAndInsideFrames) {
  for (const std::size_t cut : {0U, 3U, 20U}) {
    open();
    Bytes bytes = test_frame(40);
    const Bytes more = test_frame(40);
    bytes.insert(bytes.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(cut));
    ASSERT_TRUE(peer_->send(bytes));
    peer_->close();
    ASSERT_TRUE(wait_closed());
    EXPECT_EQ(reason(), CloseReason::kPeerClosed);
    EXPECT_EQ(handler_->heard.get().all(), 1U);
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

TEST_F(ConnectionRead, IsClosedWhenIdle) {
  limits_.idle_timeout = Millis(40);
  open();
  ASSERT_TRUE(peer_->send(test_frame(10)));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kIdleTimeout);
  EXPECT_TRUE(peer_->read_to_end());
}

TEST_F(ConnectionRead, IsNotIdleWhileItsHandlerIsBusy) {
  limits_.idle_timeout = Millis(30);
  open([](TestHandler& handler) { handler.is_busy = true; });
  // A timer of the same wheel, armed for later than the idle timeout, fires first only if nothing closed.
  struct Probe : Timer {
    explicit Probe(Signal& to) : Timer([](Timer& timer) { static_cast<Probe&>(timer).signal.set(); }), signal(to) {}
    Signal& signal;
  };
  Signal fired;
  Probe probe(fired);
  on_io(io_, [&] { io_.timers().arm(probe, io_.now() + 120); });
  ASSERT_TRUE(fired.wait());
  EXPECT_EQ(handler_->heard.get().closed, 0);
  on_io(io_, [this] {
    handler_->is_busy = false;
    connection_->touch();
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kIdleTimeout);
}

TEST_F(ConnectionRead, AFrameBegunAndNotFinishedInTimeClosesIt) {
  for (const std::size_t begun : {1U, 4U, 30U, 70'000U}) {
    limits_.frame_timeout = Millis(40);
    open();
    const Bytes frame = test_frame(100'000);
    ASSERT_TRUE(peer_->send(test_frame(10)));
    ASSERT_TRUE(peer_->send(ByteSpan(frame).first(begun)));
    ASSERT_TRUE(wait_closed());
    EXPECT_EQ(reason(), CloseReason::kFrameTimeout) << begun;
    EXPECT_EQ(handler_->heard.get().all(), 1U);
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

TEST_F(ConnectionRead, TheHandlerMayCloseInTheMiddleOfABatch) {
  open([this](TestHandler& handler) {
    handler.on_frame = [this, &handler] {
      if (handler.heard.get().frames.size() == 3) connection_->close(CloseReason::kBadInput);
    };
  });
  Bytes many;
  for (int i = 0; i < 100; ++i) {
    const Bytes frame = test_frame(30);
    many.insert(many.end(), frame.begin(), frame.end());
  }
  peer_->send(many);
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kBadInput);
  EXPECT_EQ(handler_->heard.get().frames.size(), 3U);
}

TEST_F(ConnectionRead, PausesAfterAnyFrameAndResumesWithoutLossOrRepetition) {
  open([](TestHandler& handler) {
    handler.on_frame = [&handler] { handler.pause(); };  // takes one frame at a time
  });
  std::vector<Bytes> sent;
  Bytes stream;
  std::uint8_t fill = 0;
  for (const std::size_t size : {10U, 64U, 100'000U, 20U, 65'536U, 30'000U, 4U, 300'000U, 70'000U, 11U}) {
    sent.push_back(test_frame(size, ++fill));
    stream.insert(stream.end(), sent.back().begin(), sent.back().end());
  }
  std::thread sender([&] { EXPECT_TRUE(peer_->send(stream)); });
  bool arrived = true;
  for (std::size_t i = 0; i < sent.size() && arrived; ++i) {
    arrived = wait_frames(i + 1);
    on_io(io_, [this] { handler_->resume(); });
  }
  EXPECT_TRUE(arrived);
  sender.join();
  on_io(io_, [] {});
  const Heard heard = handler_->heard.get();
  EXPECT_EQ(heard.all(), sent.size());
  std::size_t large = 0;
  std::size_t small = 0;
  for (const Bytes& frame : sent) {
    const bool is_large = large < heard.large_frames.size() && heard.large_frames[large] == frame;
    EXPECT_TRUE(is_large || (small < heard.frames.size() && heard.frames[small] == frame)) << frame.size();
    ++(is_large ? large : small);
  }
}

TEST_F(ConnectionRead, OffersARefusedFrameAgain) {
  int refusals = 0;
  open([&](TestHandler& handler) {
    handler.refuse = [&refusals] { return refusals++ % 3 != 2; };  // each frame is refused twice
  });
  std::vector<Bytes> sent;
  for (const std::size_t size : {10U, 100'000U, 20U, 65'536U, 30U}) sent.push_back(test_frame(size));
  std::thread sender([&] {
    for (const auto& frame : sent) EXPECT_TRUE(peer_->send(frame));
  });
  // Both runs of the io thread between two resumes may find it paused or not: resuming is idempotent.
  bool all = false;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!all && std::chrono::steady_clock::now() < give_up) {
    on_io(io_, [this] {
      if (connection_->paused()) handler_->resume();
    });
    all = handler_->heard.get().all() == sent.size();
  }
  EXPECT_TRUE(all);
  sender.join();
}

TEST_F(ConnectionRead, DoesNotReadWhilePaused) {
  open([](TestHandler& handler) { handler.on_frame = [&handler] { handler.pause(); }; });
  ASSERT_TRUE(peer_->send(test_frame(10)));
  ASSERT_TRUE(wait_frames(1));
  // More than the buffers of both ends hold: it can only be sent when somebody reads.
  const Bytes large = test_frame(4 << 20);
  Signal sent;
  std::thread sender([&] {
    EXPECT_TRUE(peer_->send(large));
    sent.set();
  });
  for (int i = 0; i < 50; ++i) on_io(io_, [] {});
  EXPECT_EQ(handler_->heard.get().all(), 1U);
  on_io(io_, [this] { handler_->resume(); });
  EXPECT_TRUE(sent.wait());
  sender.join();
  EXPECT_TRUE(wait_frames(2));
}

TEST_F(ConnectionRead, ReservesNoMoreThanAFewTimesWhatHasArrived) {
  open();
  const Bytes frame = test_frame(4 << 20);
  std::size_t sent = 0;
  for (const std::size_t upto : {4U, 5U, 64U, 1000U, 20'000U, 70'000U, 300'000U, 1'000'000U, 4U << 20}) {
    ASSERT_TRUE(peer_->send(ByteSpan(frame).subspan(sent, upto - sent)));
    sent = upto;
    const auto most = static_cast<std::int64_t>(std::max<std::size_t>(8 * sent, 1024));
    std::int64_t reserved = 0;
    for (int i = 0; i < 20; ++i) {
      on_io(io_, [&] { reserved = std::max(reserved, gauges_.partial_bytes.load()); });
    }
    EXPECT_LE(reserved, most) << sent;
  }
  ASSERT_TRUE(wait_frames(1));
  EXPECT_TRUE(handler_->heard.get().large_frames.at(0) == frame);
}

TEST_F(ConnectionRead, SkipsWhatTheHandlerDoesNotWant) {
  std::mt19937 random(5);
  for (const std::size_t longest_piece : {3U, 1000U, 300'000U}) {
    open([](TestHandler& handler) { handler.most_bytes = 2000; });
    Bytes stream;
    std::vector<std::size_t> skipped;
    std::vector<Bytes> taken;
    for (int i = 0; i < 50; ++i) {
      const std::size_t size =
          i % 3 == 0 ? 2001 + random() % (longest_piece == 3 ? 1000 : 400'000) : 4 + random() % 1997;
      const Bytes frame = test_frame(size, static_cast<std::uint8_t>(i));
      if (size > 2000) {
        skipped.push_back(size);
      } else {
        taken.push_back(frame);
      }
      stream.insert(stream.end(), frame.begin(), frame.end());
    }
    for (ByteSpan rest(stream); !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % longest_piece));
      ASSERT_TRUE(peer_->send(piece));
      rest = rest.subspan(piece.size());
    }
    ASSERT_TRUE(wait_frames(taken.size()));
    const Heard heard = handler_->heard.get();
    EXPECT_TRUE(heard.frames == taken);
    EXPECT_EQ(heard.skipped, skipped);
    peer_->close();
    ASSERT_TRUE(wait_closed());
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

}  // namespace
}  // namespace rocket::test
