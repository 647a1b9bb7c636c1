// A connection that goes from one handler to the next with the bytes that are there.

#include <random>

#include "support/connection_fixture.h"
#include "support/toy_layer.h"

namespace rocket::test {
namespace {

using io::CloseReason;

/// Waits for `needs` bytes, drops `drops` of them and hands the rest over; under a layer when the first is kHello.
class FirstBytes final : public io::ConnectionHandler {
 public:
  FirstBytes(io::Connection& connection, io::ConnectionHandler& next, std::size_t needs, std::size_t drops)
      : connection_(connection), next_(next), needs_(needs), drops_(drops) {}

  Taken on_bytes(ByteSpan bytes) override {
    EXPECT_FALSE(gone);
    if (bytes[0] == ToyLayer::kHello && !layered_) {
      layered_ = true;
      connection_.put_layer(std::make_unique<ToyLayer>(connection_.socket(), false, bytes));
      return {.consumed = bytes.size()};
    }
    if (bytes.size() < needs_) return {};
    connection_.expect_nothing();
    connection_.hand_over(next_);
    return {.consumed = drops_};
  }
  bool busy() const override { return false; }
  bool serves() const override { return true; }
  void on_handed_over() override { gone = true; }
  void on_closed(CloseReason why) override {
    closed.change([&](std::optional<CloseReason>& to) { to = why; });
  }

  bool gone = false;
  Monitor<std::optional<CloseReason>> closed;

 private:
  io::Connection& connection_;
  io::ConnectionHandler& next_;
  const std::size_t needs_;
  const std::size_t drops_;
  bool layered_ = false;
};

class HandOver : public ConnectionTest {
 protected:
  void open_first(std::size_t needs, std::size_t drops, const std::function<void(TestHandler&)>& prepare = {}) {
    const auto [mine, theirs] = socket_pair();
    peer_ = std::make_unique<RawPeer>(theirs);
    on_io(io_, [&, fd = mine] {
      io::StreamSocket socket(io_.context());
      socket.assign({AF_UNIX, 0}, fd);
      connection_ = std::make_shared<io::Connection>(io_, std::move(socket), io::PeerAddress(), limits_, gauges_);
      handler_ = std::make_unique<TestHandler>(connection_);
      handler_->frame_timeout = limits_.frame_timeout;
      if (prepare) prepare(*handler_);
      first_ = std::make_unique<FirstBytes>(*connection_, *handler_, needs, drops);
      connection_->start(*first_);
      connection_->expect_progress(limits_.frame_timeout, CloseReason::kFrameTimeout);
    });
  }
  void end() {
    on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
    ASSERT_TRUE(wait_closed());
    on_io(io_, [this] { first_.reset(), handler_.reset(), connection_.reset(); });
  }

  std::unique_ptr<FirstBytes> first_;
};

Bytes stream_of(std::initializer_list<std::size_t> sizes) {
  Bytes bytes;
  for (const std::size_t size : sizes) {
    const Bytes frame = test_frame(size, static_cast<std::uint8_t>(size));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  return bytes;
}

TEST_F(HandOver, NoByteIsLostOrSeenTwiceWhereverTheStreamIsCut) {
  const Bytes stream = stream_of({40, 4, 70'000, 9, 33});
  for (const std::size_t needs : {1U, 5U, 24U, 63U}) {
    for (const std::size_t cut : {1U, 3U, 4U, 5U, 23U, 24U, 40U, 45U, 64U, 65U, 3000U, 70'044U, 70'060U}) {
      open_first(needs, 0);
      ASSERT_TRUE(peer_->send(ByteSpan(stream).first(cut)));
      on_io(io_, [] {});
      ASSERT_TRUE(peer_->send(ByteSpan(stream).subspan(cut)));
      ASSERT_TRUE(wait_frames(5)) << needs << ' ' << cut;
      const Heard heard = handler_->heard.get();
      EXPECT_EQ(heard.all(), 5U);
      EXPECT_EQ(heard.frames.front(), test_frame(40, 40));
      EXPECT_EQ(heard.frames.back(), test_frame(33, 33));
      on_io(io_, [&] { EXPECT_TRUE(first_->gone); });
      EXPECT_FALSE(first_->closed.get());
      end();
    }
  }
}

TEST_F(HandOver, ByteByByte) {
  open_first(24, 0);
  for (const auto byte : stream_of({40, 4, 50})) {
    ASSERT_TRUE(peer_->send({&byte, 1}));
    on_io(io_, [] {});
  }
  ASSERT_TRUE(wait_frames(3));
  end();
}

TEST_F(HandOver, TheFirstHandlerMayKeepWhatItRead) {
  open_first(10, 10);
  Bytes bytes(10, 'x');
  const Bytes frames = stream_of({40, 4});
  bytes.insert(bytes.end(), frames.begin(), frames.end());
  ASSERT_TRUE(peer_->send(bytes));
  ASSERT_TRUE(wait_frames(2));
  end();
}

TEST_F(HandOver, NothingIsOfferedWhereNothingIsLeft) {
  open_first(10, 10);
  ASSERT_TRUE(peer_->send(Bytes(10, 'x')));
  on_io(io_, [] {});
  on_io(io_, [&] { EXPECT_TRUE(first_->gone); });
  ASSERT_TRUE(peer_->send(test_frame(12)));
  ASSERT_TRUE(wait_frames(1));
  end();
}

TEST_F(HandOver, TheNextMayPauseAtOnce) {
  open_first(4, 0, [](TestHandler& handler) { handler.on_frame = [&handler] { handler.pause(); }; });
  ASSERT_TRUE(peer_->send(stream_of({40, 41, 42})));
  for (std::size_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(wait_frames(i));
    EXPECT_EQ(handler_->heard.get().frames.size(), i);
    on_io(io_, [&] { handler_->resume(); });
  }
  end();
}

TEST_F(HandOver, TheNextMayCloseAtOnceAndHearsOfIt) {
  open_first(4, 0, [this](TestHandler& handler) {
    handler.on_frame = [this] { connection_->close(CloseReason::kBadInput); };
  });
  ASSERT_TRUE(peer_->send(stream_of({40, 41})));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kBadInput);
  EXPECT_EQ(handler_->heard.get().frames.size(), 1U);
  EXPECT_FALSE(first_->closed.get());
  on_io(io_, [this] { first_.reset(); });
}

TEST_F(HandOver, AFrameBegunBeforeItIsBoundedByTheNextHandler) {
  limits_.frame_timeout = Millis(40);
  open_first(4, 0);
  ASSERT_TRUE(peer_->send(ByteSpan(stream_of({40})).first(20)));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kFrameTimeout);
  on_io(io_, [this] { first_.reset(); });
}

TEST_F(HandOver, TooFewBytesAreBoundedByTheFirst) {
  for (const std::size_t sent : {0U, 1U, 9U}) {
    limits_.frame_timeout = Millis(40);
    open_first(10, 0);
    ASSERT_TRUE(peer_->send(Bytes(sent, 'x')));
    ASSERT_TRUE(first_->closed.wait([](const std::optional<CloseReason>& closed) { return closed.has_value(); }));
    EXPECT_EQ(first_->closed.get(), CloseReason::kFrameTimeout);
    EXPECT_EQ(handler_->heard.get().closed, 0);
    on_io(io_, [this] { first_.reset(), handler_.reset(), connection_.reset(); });
  }
}

TEST_F(HandOver, ALayerMayComeFirst) {
  for (const std::size_t cut : {1U, 2U, 3U, 10U, 30U}) {
    open_first(4, 0);
    Bytes wire{ToyLayer::kHello};
    const Bytes records = ToyLayer::records(stream_of({40, 4, 50}), 7);
    wire.insert(wire.end(), records.begin(), records.end());
    ASSERT_TRUE(peer_->send(ByteSpan(wire).first(cut)));
    on_io(io_, [] {});
    ASSERT_TRUE(peer_->send(ByteSpan(wire).subspan(cut)));
    ASSERT_TRUE(wait_frames(3)) << cut;
    std::uint8_t hello = 0;
    EXPECT_EQ(peer_->receive(&hello, 1), 1U);
    EXPECT_EQ(hello, ToyLayer::kHello);
    end();
  }
}

}  // namespace
}  // namespace rocket::test
