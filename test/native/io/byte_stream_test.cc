// A layer between a connection and its socket: all that TLS does to a connection.

#include <random>

#include "support/connection_fixture.h"
#include "support/toy_layer.h"

namespace rocket::test {
namespace {

using io::CloseReason;
using io::Connection;

class Layered : public ConnectionTest {
 protected:
  void open_layered(bool client, const std::function<void(TestHandler&)>& prepare = {}, int send_buffer = 0) {
    open(
        [&](TestHandler& handler) {
          if (prepare) prepare(handler);
          auto layer = std::make_unique<ToyLayer>(connection_->socket(), client);
          layer_ = layer.get();
          connection_->put_layer(std::move(layer));
        },
        send_buffer);
  }
  Bytes receive(std::size_t size) {
    Bytes got(size);
    std::size_t have = 0;
    while (have < size) {
      const std::size_t more = peer_->receive(got.data() + have, size - have);
      if (more == 0) break;
      have += more;
    }
    got.resize(have);
    return got;
  }
  void shake_hands() {
    ASSERT_TRUE(peer_->send({&ToyLayer::kHello, 1}));
    ASSERT_EQ(receive(1), Bytes{ToyLayer::kHello});
  }
  /// The plain bytes of records that come, `size` of them.
  Bytes receive_plain(std::size_t size) {
    Bytes plain;
    while (plain.size() < size) {
      const Bytes head = receive(2);
      if (head.size() < 2) break;
      for (const auto byte : receive(static_cast<std::size_t>(head[0] << 8 | head[1]))) {
        plain.push_back(static_cast<std::uint8_t>(~byte));
      }
    }
    return plain;
  }

  ToyLayer* layer_ = nullptr;
};

TEST_F(Layered, AServerShakesHandsAndReadsRecordsOfEverySizeInPiecesOfEverySize) {
  open_layered(false);
  std::mt19937 random(7);
  Bytes plain;
  std::vector<Bytes> sent;
  for (const std::size_t size : {4U, 63U, 5000U, 65'536U, 200'000U, 7U, 1'000'000U, 4U}) {
    sent.push_back(test_frame(size, static_cast<std::uint8_t>(size)));
    plain.insert(plain.end(), sent.back().begin(), sent.back().end());
  }
  Bytes wire{ToyLayer::kHello};
  for (ByteSpan rest(plain); !rest.empty();) {
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % 30'000));
    const Bytes one = ToyLayer::record(piece);
    wire.insert(wire.end(), one.begin(), one.end());
    rest = rest.subspan(piece.size());
  }
  for (ByteSpan rest(wire); !rest.empty();) {
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % 50'000));
    ASSERT_TRUE(peer_->send(piece));
    rest = rest.subspan(piece.size());
  }
  ASSERT_TRUE(wait_frames(sent.size()));
  EXPECT_EQ(receive(1), Bytes{ToyLayer::kHello});
  const Heard heard = handler_->heard.get();
  std::vector<Bytes> got(heard.frames);
  got.insert(got.end(), heard.large_frames.begin(), heard.large_frames.end());
  for (const Bytes& frame : sent) EXPECT_EQ(std::count(got.begin(), got.end(), frame), frame.size() == 4 ? 2 : 1);
}

TEST_F(Layered, WhatTheLayerHoldsIsReadWithoutTheSocket) {
  open_layered(false);
  constexpr std::size_t kFrames = 300;  // one a record: far more than reads in a row
  Bytes wire{ToyLayer::kHello};
  for (std::size_t i = 0; i < kFrames; ++i) {
    const Bytes one = ToyLayer::record(test_frame(5, static_cast<std::uint8_t>(i)));
    wire.insert(wire.end(), one.begin(), one.end());
  }
  ASSERT_TRUE(peer_->send(wire));
  ASSERT_TRUE(wait_frames(kFrames));
}

TEST_F(Layered, PausesAndResumesOverWhatTheLayerHolds) {
  open_layered(false, [](TestHandler& handler) { handler.on_frame = [&handler] { handler.pause(); }; });
  Bytes wire{ToyLayer::kHello};
  for (std::uint8_t i = 0; i < 100; ++i) {
    const Bytes one = ToyLayer::record(test_frame(9, i));
    wire.insert(wire.end(), one.begin(), one.end());
  }
  ASSERT_TRUE(peer_->send(wire));
  for (std::size_t i = 1; i <= 100; ++i) {
    ASSERT_TRUE(wait_frames(i));
    EXPECT_EQ(handler_->heard.get().frames.size(), i);
    EXPECT_EQ(handler_->heard.get().frames.back(), test_frame(9, static_cast<std::uint8_t>(i - 1)));
    on_io(io_, [&] { handler_->resume(); });
  }
}

TEST_F(Layered, AReadThatNeedsAWriteGetsIt) {
  open_layered(false);
  shake_hands();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(peer_->send(ToyLayer::mark(ToyLayer::kRekey)));
    ASSERT_EQ(receive(2), ToyLayer::mark(ToyLayer::kRekeyed));
  }
}

TEST_F(Layered, WhatIsQueuedWaitsForTheHandshake) {
  for (const bool client : {false, true}) {
    open_layered(client);
    const Bytes frame = test_frame(40, 3);
    on_io(io_, [&] { append(frame); });
    on_io(io_, [] {});
    if (client) {
      EXPECT_EQ(receive(1), Bytes{ToyLayer::kHello});
    }
    on_io(io_, [&] { EXPECT_EQ(connection_->queued_bytes(), frame.size()); });
    ASSERT_TRUE(peer_->send({&ToyLayer::kHello, 1}));
    if (!client) {
      EXPECT_EQ(receive(1), Bytes{ToyLayer::kHello});
    }
    EXPECT_EQ(receive_plain(frame.size()), frame);
    on_io(io_, [&] { EXPECT_EQ(connection_->queued_bytes(), 0U); });
    on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
    ASSERT_TRUE(wait_closed());
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

TEST_F(Layered, AClientsHandshakeBeginsByItself) {
  open_layered(true);
  EXPECT_EQ(receive(1), Bytes{ToyLayer::kHello});
}

TEST_F(Layered, AHandshakeThatDoesNotEndIsAMatterOfProgress) {
  open_layered(true, [this](TestHandler&) { connection_->expect_progress(Millis(40), CloseReason::kFrameTimeout); });
  on_io(io_, [&] { append(test_frame(40, 3)); });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kFrameTimeout);
}

TEST_F(Layered, ManyFramesOfATurnAreOneWrite) {
  open_layered(false);
  shake_hands();
  Bytes expected;
  std::size_t before = 0;
  on_io(io_, [&] {
    before = layer_->writes;
    for (std::size_t i = 0; i < 100; ++i) {
      const Bytes frame = test_frame(100, static_cast<std::uint8_t>(i));
      expected.insert(expected.end(), frame.begin(), frame.end());
      append(frame);
    }
  });
  EXPECT_EQ(receive_plain(expected.size()), expected);
  on_io(io_, [&] { EXPECT_EQ(layer_->writes, before + 1); });
}

TEST_F(Layered, MoreThanTheSocketTakesComesInOrder) {
  limits_.max_write_queue_bytes = 100'000;
  open_layered(false, {}, 4096);
  shake_hands();
  Bytes expected;
  for (std::size_t i = 0; i < 30; ++i) {
    on_io(io_, [&] {
      const Bytes frame = test_frame(30'000 + i, static_cast<std::uint8_t>(i));
      expected.insert(expected.end(), frame.begin(), frame.end());
      append(frame);
      if (i % 7 == 3) connection_->write_now();
    });
  }
  EXPECT_TRUE(receive_plain(expected.size()) == expected);
  EXPECT_TRUE(handler_->heard.wait([](const Heard& heard) { return heard.writable == 1; }));
  EXPECT_TRUE(test::eventually({&io_}, [this] { return gauges_.queued_bytes.load() == 0; }));
}

TEST_F(Layered, ClosingWhenWrittenWritesWhatTheLayerHoldsAndEndsTheStream) {
  open_layered(false, {}, 4096);
  shake_hands();
  const Bytes frame = test_frame(200'000, 5);
  on_io(io_, [&] {
    append(frame);
    connection_->close_when_written();
  });
  EXPECT_TRUE(receive_plain(frame.size()) == frame);
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(receive(3), ToyLayer::mark(0)) << "the end of the stream, and nothing behind it";
}

TEST_F(Layered, AfterTheEndOfItsStreamAPeerStillGetsWhatItIsOwed) {
  open_layered(false, [](TestHandler& handler) { handler.is_server = handler.is_busy = true; });
  shake_hands();
  Bytes wire = ToyLayer::record(test_frame(10));
  for (const auto byte : ToyLayer::mark(0)) wire.push_back(byte);
  ASSERT_TRUE(peer_->send(wire));
  ASSERT_TRUE(wait_frames(1));
  on_io(io_, [&] {
    append(test_frame(20));
    handler_->is_busy = false;
    connection_->close_if_done();
  });
  EXPECT_EQ(receive_plain(20), test_frame(20));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kPeerClosed);
}

TEST_F(Layered, ALayerThatBreaksClosesIt) {
  open_layered(false);
  ASSERT_TRUE(peer_->send(as_bytes("not a hello")));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kReset);
}

TEST_F(Layered, APeerThatReadsNothingIsASlowReader) {
  limits_.idle_timeout = Millis(60);
  open_layered(false, {}, 4096);
  shake_hands();
  // Less than the layer takes at once: the queue is empty, and what the layer holds is stuck.
  on_io(io_, [&] { append(test_frame(15'000, 5)); });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kSlowReader);
}

TEST_F(Layered, ARekeyAfterALongSilenceIsNotASlowReader) {
  limits_.idle_timeout = Millis(200);
  open_layered(false, [](TestHandler& handler) { handler.is_busy = true; });
  shake_hands();
  struct Probe : Timer {
    explicit Probe(Signal& to) : Timer([](Timer& timer) { static_cast<Probe&>(timer).signal.set(); }), signal(to) {}
    Signal& signal;
  };
  Signal fired;
  Probe probe(fired);
  on_io(io_, [&] { io_.timers().arm(probe, io_.now() + 450); });
  ASSERT_TRUE(fired.wait());
  ASSERT_TRUE(peer_->send(ToyLayer::mark(ToyLayer::kRekey)));
  EXPECT_EQ(receive(2), ToyLayer::mark(ToyLayer::kRekeyed));
  EXPECT_EQ(handler_->heard.get().closed, 0);
}

TEST_F(Layered, NobodySendsDirectlyPastIt) {
  open_layered(false);
  shake_hands();
  std::size_t sent = 0;
  EXPECT_FALSE(connection_->can_direct());
  EXPECT_EQ(connection_->direct_send(test_frame(10), sent), Connection::Direct::kBusy);
  EXPECT_EQ(sent, 0U);
}

}  // namespace
}  // namespace rocket::test
