// Readers tell what they have taken in steps of kTakenStepBytes, as JavaScript does. A peer must have a window for the
// next message all the same, whatever the sizes of messages, and a reader that takes nothing must still stop it.
#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "grpc/client_fixture.h"

namespace rocket::test {
namespace {

using rpc::EventKind;
using rpc::MethodKind;

constexpr std::size_t kStep = rpc::kTakenStepBytes;
constexpr std::size_t kWindow = h2::kDefaultWindow;
constexpr std::size_t kHead = rpc::kMessageOverhead;
constexpr int kStreams = 40;

/// A reader that takes each message at once.
struct StepReader {
  /// What to tell of; 0: nothing yet.
  std::size_t take(std::size_t body) {
    taken += body + kHead;
    return taken < kStep ? 0 : std::exchange(taken, 0);
  }
  std::size_t taken = 0;
};

/// Lengths of the messages of one stream, close to every limit that there is. Both sides of a test make the same.
std::vector<std::size_t> lengths_of(std::uint32_t stream) {
  constexpr std::size_t kEdges[] = {0, kStep, kWindow / 2, kWindow - kStep, kWindow, 2 * kStep};
  std::mt19937 random(stream);
  std::vector<std::size_t> lengths;
  for (std::size_t sum = 0; sum < 600'000; sum += lengths.back() + kHead) {
    const std::size_t edge = kEdges[random() % std::size(kEdges)];
    switch (random() % 8) {
      case 0: lengths.push_back(random() % 200'000); break;
      case 1: lengths.push_back(random() % 40'000); break;
      case 2:
      case 3:
      case 4: lengths.push_back(edge - std::min(edge, std::size_t{12}) + random() % 24); break;
      default: lengths.push_back(random() % 300);
    }
  }
  return lengths;
}

Bytes messages_of(std::uint32_t stream) {
  Bytes bytes;
  for (const auto length : lengths_of(stream)) {
    const auto message = H2Peer::message(std::string(length, 'x'));
    bytes.insert(bytes.end(), message.begin(), message.end());
  }
  return bytes;
}

/// Sends DATA that is cut and padded at random, exactly as far as windows let it.
class Sender {
 public:
  explicit Sender(H2Peer& peer) : peer_(peer) {}

  /// False when the connection has ended, or there was no window for kPatience.
  bool send(std::uint32_t stream, ByteSpan bytes) {
    while (!bytes.empty()) {
      if (!peer_.read_until([&] { return window(stream) > 0; })) return false;
      const std::size_t most = std::min<std::size_t>(window(stream), h2::kDefaultMaxFrameBytes);
      const std::size_t part = std::min({bytes.size(), most, 1 + random_() % (random_() % 4 == 0 ? 50 : 20'000)});
      const std::size_t padding = random_() % 4 == 0 ? random_() % 256 : 0;
      send_one(stream, bytes.first(part), part + 1 + padding <= most ? padding : 0);
      bytes = bytes.subspan(part);
    }
    return true;
  }
  void send_one(std::uint32_t stream, ByteSpan part, std::size_t padding) {
    Bytes payload;
    if (padding > 0) payload.push_back(static_cast<std::uint8_t>(padding));
    payload.insert(payload.end(), part.begin(), part.end());
    payload.resize(payload.size() + padding);
    sent_[stream] += payload.size();
    sent_[0] += payload.size();
    peer_.frame(h2::FrameType::kData, padding > 0 ? h2::kPadded : 0, stream, payload);
  }
  std::size_t window(std::uint32_t stream) {
    const auto left = [&](std::uint32_t of) { return kWindow + peer_.windows_given[of] - sent_[of]; };
    return std::min(left(stream), left(0));
  }
  /// Padding that is less than what a window is given back for, by one byte.
  void pad(std::uint32_t stream) {
    std::size_t left = kWindow / 2 - 1;
    for (; left > 256; left -= 256) send_one(stream, {}, 255);
    send_one(stream, {}, left - 1);
  }

 private:
  H2Peer& peer_;
  std::mt19937 random_{7};
  std::map<std::uint32_t, std::size_t> sent_;  ///< with padding, by stream; 0: of all
};

class GrpcTakenSteps : public GrpcClientTest {
 protected:
  /// Serves calls one after the other, and takes each request at once.
  std::string serve_steps() {
    js_.on_request = [this](const EventView&) {
      reader_ = {};
      lengths_.emplace_back();
    };
    js_.on_stream = [this](const EventView& event) {
      if (event.kind == EventKind::kMessage) {
        lengths_.back().push_back(event.payload.size());
        const auto taken = reader_.take(event.payload.size());
        if (taken > 0) js_.taken(event.id_low, event.id_high, taken);
      } else if (event.kind == EventKind::kHalfClose) {
        js_.finish(event.id_low, event.id_high);
        js_.end(event.id_low, event.id_high);
        ++ended_;
      }
    };
    return serve({}, MethodKind::kClientStream);
  }
  /// Calls, and takes each reply at once.
  bool read_all(std::int32_t endpoint, std::size_t& call) {
    call = js_.call(endpoint, {.body = "x"});
    StepReader reader;
    std::size_t seen = 0;
    return js_.pump_until([&] {
      const auto& outcome = js_.outcome(call);
      for (; seen < outcome.messages.size(); ++seen) {
        const auto taken = reader.take(outcome.messages[seen].size());
        if (taken > 0) js_.replies_taken(call, taken);
      }
      js_.flush();
      return outcome.ended;
    });
  }

  StepReader reader_;
  std::vector<std::vector<std::size_t>> lengths_;
  int ended_ = 0;
};

TEST_F(GrpcTakenSteps, RequestsOfAllLengthsComeWhole) {
  H2Peer peer(serve_steps());
  std::jthread client([&] {
    Sender sender(peer);
    for (int i = 0; i < kStreams; ++i) {
      const auto stream = peer.open(H2Peer::request("/Echo/echo"));
      if (!sender.send(stream, messages_of(stream))) return;
      peer.data(stream, {}, true);
      peer.wait(stream);
    }
  });
  EXPECT_TRUE(js_.pump_until([&] { return ended_ == kStreams; }));
  ASSERT_EQ(lengths_.size(), static_cast<std::size_t>(kStreams));
  for (std::uint32_t i = 0; i < kStreams; ++i) EXPECT_EQ(lengths_[i], lengths_of(2 * i + 1)) << i;
}

TEST_F(GrpcTakenSteps, RepliesOfAllLengthsComeWhole) {
  const auto endpoint = connect(script([](H2Peer& peer) {
                                  Sender sender(peer);
                                  for (int i = 0; i < kStreams; ++i) {
                                    const auto stream = static_cast<std::uint32_t>(2 * i + 1);
                                    if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
                                    peer.headers(stream, kHeaders);
                                    if (!sender.send(stream, messages_of(stream))) return;
                                    peer.trailers(stream, kOk);
                                  }
                                  peer.read_to_end();
                                }),
                                client_options(), MethodKind::kServerStream);
  for (std::uint32_t i = 0; i < kStreams; ++i) {
    std::size_t call = 0;
    ASSERT_TRUE(read_all(endpoint, call));
    EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
    std::vector<std::size_t> lengths;
    for (const auto& message : js_.outcome(call).messages) lengths.push_back(message.size());
    EXPECT_EQ(lengths, lengths_of(2 * i + 1)) << i;
  }
}

/// Long replies wait for each other, each with the rest of a step untold.
TEST_F(GrpcTakenSteps, RepliesThatTakeTurnsComeWhole) {
  constexpr std::size_t kCalls = 12;
  auto options = client_options();
  options.max_buffered_reply_bytes = 1 << 20;
  const auto serve_all = [](H2Peer& peer) {
    struct Download {
      std::uint32_t stream;
      Bytes bytes;
      std::size_t sent = 0;
    };
    Sender sender(peer);
    std::vector<Download> downloads;
    for (std::uint32_t stream = 1; stream < 2 * kCalls; stream += 2) {
      if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
      peer.headers(stream, kHeaders);
      downloads.push_back({stream, messages_of(stream)});
    }
    const auto may_send = [&](const Download& each) { return sender.window(each.stream) > 0; };
    while (!downloads.empty()) {
      if (!peer.read_until([&] { return std::any_of(downloads.begin(), downloads.end(), may_send); })) return;
      for (auto& each : downloads) {
        const std::size_t left = each.bytes.size() - each.sent;
        const std::size_t part = std::min({left, sender.window(each.stream), std::size_t{10'000}});
        if (part > 0) sender.send_one(each.stream, ByteSpan(each.bytes).subspan(each.sent, part), 0);
        each.sent += part;
        if (part == left) peer.trailers(each.stream, kOk);
      }
      std::erase_if(downloads, [](const Download& each) { return each.sent == each.bytes.size(); });
    }
    peer.read_to_end();
  };
  const auto endpoint = connect(script(serve_all), options, MethodKind::kServerStream);
  struct Reading {
    std::size_t call;
    StepReader reader;
    std::size_t seen = 0;
  };
  std::vector<Reading> readings;
  for (std::size_t i = 0; i < kCalls; ++i) readings.push_back({js_.call(endpoint, {.body = "x"}), {}});
  ASSERT_TRUE(js_.pump_until([&] {
    for (auto& reading : readings) {
      const auto& messages = js_.outcome(reading.call).messages;
      for (; reading.seen < messages.size(); ++reading.seen) {
        const auto taken = reading.reader.take(messages[reading.seen].size());
        if (taken > 0 && !js_.outcome(reading.call).ended) js_.replies_taken(reading.call, taken);
      }
    }
    js_.flush();
    return js_.ended_calls() == kCalls;
  }));
  for (const auto& reading : readings) {
    const auto& outcome = js_.outcome(reading.call);
    EXPECT_TRUE(outcome.ok) << outcome.text;
    EXPECT_EQ(outcome.messages.size(), lengths_of(static_cast<std::uint32_t>(2 * reading.call + 1)).size());
  }
}

/// As much as can be is given back neither by the session nor by the reader when a message of half a window comes.
TEST_F(GrpcTakenSteps, TheRestsOfBothSidesLeaveAWindow) {
  H2Peer peer(serve_steps());
  std::jthread client([&] {
    Sender sender(peer);
    for (const std::size_t length : {kWindow / 2 - kHead, kWindow / 2, kWindow, std::size_t{300}}) {
      const auto stream = peer.open(H2Peer::request("/Echo/echo"));
      sender.pad(stream);
      for (const std::size_t each : {kStep - 1 - kHead, length}) {
        if (!sender.send(stream, H2Peer::message(std::string(each, 'x')))) return;
      }
      peer.data(stream, {}, true);
      peer.wait(stream);
    }
  });
  EXPECT_TRUE(js_.pump_until([&] { return ended_ == 4; }));
}

TEST_F(GrpcTakenSteps, TheRestsOfBothSidesLeaveAWindowOfReplies) {
  const auto endpoint = connect(script([](H2Peer& peer) {
                                  Sender sender(peer);
                                  std::uint32_t stream = 1;
                                  for (const std::size_t length : {kWindow / 2 - kHead, kWindow / 2, kWindow}) {
                                    if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
                                    peer.headers(stream, kHeaders);
                                    sender.pad(stream);
                                    for (const std::size_t each : {kStep - 1 - kHead, length}) {
                                      if (!sender.send(stream, H2Peer::message(std::string(each, 'x')))) return;
                                    }
                                    peer.trailers(stream, kOk);
                                    stream += 2;
                                  }
                                  peer.read_to_end();
                                }),
                                client_options(), MethodKind::kServerStream);
  for (int i = 0; i < 3; ++i) {
    std::size_t call = 0;
    ASSERT_TRUE(read_all(endpoint, call));
    EXPECT_EQ(js_.outcome(call).messages.size(), 2U) << js_.outcome(call).text;
  }
}

/// A little may have been taken, so a long message behind it is let in; nothing long behind that one is.
TEST_F(GrpcTakenSteps, AReaderThatTakesNothingHoldsAWindowAndOneLongMessage) {
  constexpr std::size_t kLong = 300'000;
  const auto send_all = [](H2Peer& peer, std::uint32_t stream) {
    Bytes bytes = H2Peer::message(std::string(20'000, 'x'));
    for (int i = 0; i < 3; ++i) {
      const auto message = H2Peer::message(std::string(kLong, 'x'));
      bytes.insert(bytes.end(), message.begin(), message.end());
    }
    Sender sender(peer);
    std::size_t sent = 0;
    while (peer.settle() && sender.window(stream) > 0 && sent < bytes.size()) {
      const std::size_t part = std::min({sender.window(stream), bytes.size() - sent, std::size_t{16'384}});
      sender.send_one(stream, ByteSpan(bytes).subspan(sent, part), 0);
      sent += part;
    }
    EXPECT_LE(sent, kWindow + kLong + kHead);
    EXPECT_GE(sent, kWindow / 2 + kLong);
  };
  js_.on_request = [](const EventView&) {};
  js_.on_stream = [](const EventView&) {};
  H2Peer peer(serve({}, MethodKind::kClientStream));
  send_all(peer, peer.open(H2Peer::request("/Echo/echo")));
  peer.raw().close();

  std::atomic<bool> done{false};
  const auto endpoint = connect(script([&](H2Peer& server) {
                                  if (!server.read_until([&] { return server.of(1).ended; })) return;
                                  server.headers(1, kHeaders);
                                  send_all(server, 1);
                                  done = true;
                                  done.notify_one();
                                  server.read_to_end();
                                }),
                                client_options(), MethodKind::kServerStream);
  js_.call(endpoint, {.body = "x"});
  js_.flush();
  done.wait(false);
}

}  // namespace
}  // namespace rocket::test
