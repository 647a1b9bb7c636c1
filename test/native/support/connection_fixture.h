#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/connection.h"
#include "support/monitor.h"
#include "support/on_io.h"
#include "support/raw_peer.h"

namespace rocket::test {

/// What a connection told its handler; copied to the test's thread.
struct Heard {
  std::vector<Bytes> frames;
  std::vector<Bytes> large_frames;
  std::vector<std::size_t> skipped;
  int writable = 0;
  int closed = 0;
  io::CloseReason reason = io::CloseReason::kLocal;

  std::size_t all() const { return frames.size() + large_frames.size(); }
};

/// A handler for frames of a 4-byte big-endian length (itself included) and so many bytes.
class TestHandler final : public io::ConnectionHandler {
 public:
  explicit TestHandler(std::shared_ptr<io::Connection> connection) : connection_(std::move(connection)) {}

  // Set before start().
  std::function<void()> on_frame;     ///< may pause or close; it has taken the frame
  std::function<bool()> refuse;       ///< true: pause, and do not take the frame
  std::size_t most_bytes = SIZE_MAX;  ///< a longer frame is noted and skipped
  Millis frame_timeout{10'000};
  bool is_server = false;
  bool is_busy = false;

  Monitor<Heard> heard;

  Taken on_bytes(ByteSpan bytes) override {
    Taken taken;
    while (connection_->open() && !connection_->paused()) {
      const auto rest = bytes.subspan(taken.consumed);
      taken.frame_bytes = rest.size() < 4 ? 0 : load_be32(rest.data());
      if (taken.frame_bytes > most_bytes) {
        heard.change([&](Heard& to) { to.skipped.push_back(taken.frame_bytes); });
        const std::size_t here = std::min(rest.size(), taken.frame_bytes);
        taken.consumed += here;
        taken.skip_bytes = taken.frame_bytes - here;
        taken.frame_bytes = 0;
        if (taken.skip_bytes > 0) break;
        continue;
      }
      if (taken.frame_bytes == 0 || rest.size() < taken.frame_bytes) break;
      if (refuse && refuse()) {
        pause();
        break;
      }
      const auto frame = rest.first(taken.frame_bytes);
      heard.change([&](Heard& to) { to.frames.emplace_back(frame.begin(), frame.end()); });
      taken.consumed += taken.frame_bytes;
      taken.frame_bytes = 0;
      if (on_frame) on_frame();
    }
    if (taken.consumed == bytes.size() && taken.skip_bytes == 0) {
      connection_->expect_nothing();
    } else if (taken.consumed > 0 || !connection_->expects_progress()) {
      connection_->expect_progress(frame_timeout, io::CloseReason::kFrameTimeout);
    }
    return taken;
  }
  bool on_large_frame(OwnedBytes& frame) override {
    connection_->expect_nothing();
    if (refuse && refuse()) {
      pause();
      return false;
    }
    const OwnedBytes mine = std::move(frame);
    heard.change([&](Heard& to) { to.large_frames.emplace_back(mine.data(), mine.data() + mine.size()); });
    if (on_frame) on_frame();
    return true;
  }
  void on_writable() override {
    heard.change([](Heard& to) { ++to.writable; });
  }
  bool busy() const override { return is_busy; }
  bool serves() const override { return is_server; }
  void on_closed(io::CloseReason reason) override {
    heard.change([&](Heard& to) {
      ++to.closed;
      to.reason = reason;
    });
  }

  void pause() { connection_->pause_reading(io::Connection::kSession); }
  void resume() { connection_->resume_reading(io::Connection::kSession); }

 private:
  const std::shared_ptr<io::Connection> connection_;
};

inline Bytes test_frame(std::size_t size, std::uint8_t fill = 1) {
  Bytes frame(size, fill);
  store_be32(frame.data(), static_cast<std::uint32_t>(size));
  return frame;
}

/// One connection on an io thread of its own, over a socket pair.
class ConnectionTest : public testing::Test {
 protected:
  /// Before a derived fixture is destroyed, whose functions the io thread may be calling.
  void TearDown() override {
    if (connection_) {
      on_io(io_, [this] { connection_->close(io::CloseReason::kLocal); });
      EXPECT_TRUE(wait_closed());
      on_io(io_, [this] { handler_.reset(), connection_.reset(); });
    }
    EXPECT_EQ(gauges_.open.load(), 0);
    EXPECT_EQ(gauges_.queued_bytes.load(), 0);
    EXPECT_EQ(gauges_.partial_bytes.load(), 0);
    io_.stop_and_join();
  }

  /// Starts the connection; `prepare` sets the handler up. A `send_buffer` of 0 leaves the kernel's default.
  void open(const std::function<void(TestHandler&)>& prepare = {}, int send_buffer = 0) {
    const auto [mine, theirs] = socket_pair();
    if (send_buffer > 0) ::setsockopt(mine, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    peer_ = std::make_unique<RawPeer>(theirs);
    on_io(io_, [&, fd = mine] {
      io::StreamSocket socket(io_.context());
      socket.assign({AF_UNIX, 0}, fd);
      connection_ = std::make_shared<io::Connection>(io_, std::move(socket), io::PeerAddress(), limits_, gauges_);
      handler_ = std::make_unique<TestHandler>(connection_);
      handler_->frame_timeout = limits_.frame_timeout;
      if (prepare) prepare(*handler_);
      connection_->start(*handler_);
    });
  }
  void append(const Bytes& bytes) { std::copy(bytes.begin(), bytes.end(), connection_->append(bytes.size())); }
  bool wait_frames(std::size_t count) {
    return handler_->heard.wait([=](const Heard& heard) { return heard.all() >= count; });
  }
  bool wait_closed() {
    return handler_->heard.wait([](const Heard& heard) { return heard.closed > 0; });
  }
  io::CloseReason reason() { return handler_->heard.get().reason; }

  io::ConnectionLimits limits_;
  io::ConnectionGauges gauges_;
  io::IoThread io_{"test", 0};
  std::shared_ptr<io::Connection> connection_;
  std::unique_ptr<TestHandler> handler_;
  std::unique_ptr<RawPeer> peer_;
};

}  // namespace rocket::test
