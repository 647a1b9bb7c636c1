#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "h2/session_fixture.h"

namespace rocket::test {

/// A session whose peer is half a round trip away, sends as much DATA as the windows let it, and answers PINGs at once.
/// The application takes what comes a millisecond later, of the streams that it takes from. `Fixture` is that of a
/// server or of a client whose streams are open.
template <class Fixture>
class SlowLink : public Fixture {
 public:
  SlowLink(const h2::Options& options, SteadyMs round_trip) : Fixture(options), half_(round_trip / 2) {}

  void begin(std::uint32_t id, bool takes = true) {
    windows_[id] = h2::kDefaultWindow;
    if (takes) takes_.insert(id);
  }
  void end(std::uint32_t id) { windows_.erase(id); }
  void run(SteadyMs millis) {
    for (const auto until = this->now + millis; this->now < until && this->error.empty(); ++this->now) step();
  }
  void on_data(h2::Stream& stream, ByteSpan data, bool) override {
    received += data.size();
    untaken_[stream.id()] += data.size();
  }
  std::size_t untaken(std::uint32_t id) { return untaken_[id]; }

  std::uint64_t received = 0;
  std::size_t pings = 0;
  bool answers_pings = true;
  /// Bytes of a millisecond that the peer may send; 0: as much as it can.
  std::size_t rate = 0;

 private:
  struct Sent {
    SteadyMs due;
    Bytes bytes;
  };

  void step() {
    for (const auto& id : takes_) {
      if (const auto bytes = std::exchange(untaken_[id], 0)) this->session.consume(this->stream(id), bytes);
    }
    for (; !to_us_.empty() && to_us_.front().due <= this->now; to_us_.pop_front()) this->feed(to_us_.front().bytes);
    if (!this->written.empty()) to_peer_.push_back({this->now + half_, std::exchange(this->written, {})});
    Bytes out;
    for (; !to_peer_.empty() && to_peer_.front().due <= this->now; to_peer_.pop_front()) {
      out = std::move(out) + hear(to_peer_.front().bytes);
    }
    std::size_t most = rate == 0 ? SIZE_MAX : rate;
    for (auto& [id, window] : windows_) {
      while (const auto bytes = std::min({window, connection_, std::size_t{h2::kDefaultMaxFrameBytes}, most})) {
        window -= bytes;
        connection_ -= bytes;
        most -= bytes;
        out = std::move(out) + data(id, Bytes(bytes));
      }
    }
    if (!out.empty()) to_us_.push_back({this->now + half_, std::move(out)});
  }

  Bytes hear(const Bytes& bytes) {
    Bytes answers;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto head = h2::read_frame_head(bytes.data() + at);
      const auto* payload = bytes.data() + at + h2::kFrameHeadBytes;
      at += head.frame_bytes();
      if (head.is(h2::FrameType::kWindowUpdate)) {
        (head.stream == 0 ? connection_ : windows_[head.stream]) += load_be32(payload);
      }
      if (head.is(h2::FrameType::kPing) && !head.has(h2::kAck)) {
        ++pings;
        if (!answers_pings) continue;
        answers = frame(h2::FrameType::kPing, h2::kAck, 0, Bytes(payload, payload + h2::kPingDataBytes));
      }
    }
    return answers;
  }

  const SteadyMs half_;
  std::size_t connection_ = 1024 * 1024;  ///< once its first WINDOW_UPDATE has come
  std::map<std::uint32_t, std::size_t> windows_;
  std::map<std::uint32_t, std::size_t> untaken_;
  std::set<std::uint32_t> takes_;
  std::deque<Sent> to_us_, to_peer_;
};

}  // namespace rocket::test
