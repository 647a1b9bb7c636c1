// What a server can make a client hold of replies that are not whole, or that nobody takes.
#include <algorithm>
#include <atomic>
#include <vector>

#include "grpc/client_fixture.h"

namespace rocket::test {
namespace {

using rpc::Code;
using rpc::MethodKind;

class GrpcClientAssembly : public GrpcClientTest {
 protected:
  static constexpr std::size_t kBound = 2 << 20;
  static constexpr std::size_t kMessage = 1 << 20;
  static constexpr std::size_t kCalls = 12;
  /// A window for each call, and one that always gets on.
  static constexpr std::size_t kMost = kBound + kCalls * h2::kDefaultWindow + kMessage;

  static rpc::ClientOptions bounded() {
    auto options = client_options();
    options.max_buffered_reply_bytes = kBound;
    return options;
  }
  std::int64_t partial() const { return channel_->gauges.partial_bytes.load(); }

  /// Serves kCalls: sends `messages` on each of them, as far as their windows let it.
  std::string serve_long(std::size_t messages) {
    return script([this, messages](H2Peer& peer) {
      struct Download {
        std::uint32_t stream;
        std::size_t left;
      };
      Bytes bytes;
      for (std::size_t i = 0; i < messages; ++i) {
        const auto message = H2Peer::message(std::string(kMessage, 'x'));
        bytes.insert(bytes.end(), message.begin(), message.end());
      }
      std::vector<Download> downloads;
      for (std::size_t i = 0; i < kCalls; ++i) {
        const auto stream = static_cast<std::uint32_t>(2 * i + 1);
        if (!peer.read_until([&] { return peer.of(stream).ended; })) return;
        downloads.push_back({stream, bytes.size()});
        peer.headers(stream, kHeaders);
      }
      while (peer.settle()) {
        const auto resets = [&] {
          return std::count_if(downloads.begin(), downloads.end(),
                               [&](const auto& download) { return peer.of(download.stream).reset.has_value(); });
        };
        const auto windows = peer.windows_given;
        const auto before = resets();
        std::size_t sent = 0;
        for (auto& download : downloads) {
          const std::size_t part = std::min(peer.window(download.stream), download.left);
          if (part == 0 || peer.of(download.stream).reset) continue;
          peer.data(download.stream, ByteSpan(bytes).subspan(bytes.size() - download.left, part));
          download.left -= part;
          sent += part;
          if (download.left == 0) peer.trailers(download.stream, kOk);
        }
        if (!peer.settle()) return;
        most_partial_ = std::max(most_partial_.load(), partial());
        sent_ += sent;
        if (sent > 0) continue;
        stopped_ = true;
        stopped_.notify_one();
        if (!peer.read_until([&] { return peer.windows_given != windows || resets() != before; })) return;
      }
    });
  }

  std::atomic<std::int64_t> most_partial_{0};
  std::atomic<std::size_t> sent_{0};
  std::atomic<bool> stopped_{false};  ///< all windows were shut
};

TEST_F(GrpcClientAssembly, RepliesThatAreNotWholeAreBoundedAndOneAlwaysGetsOn) {
  const auto endpoint = connect(serve_long(1), bounded());
  for (std::size_t i = 0; i < kCalls; ++i) js_.call(endpoint, {.body = "x"});
  ASSERT_TRUE(pump_ended(kCalls));
  for (std::size_t i = 0; i < kCalls; ++i) EXPECT_EQ(js_.outcome(i).payload.size(), kMessage) << js_.outcome(i).text;
  EXPECT_GT(most_partial_.load(), static_cast<std::int64_t>(kMessage));
  // Blocks are up to twice as large as what has come.
  EXPECT_LE(most_partial_.load(), static_cast<std::int64_t>(2 * kMost));
  EXPECT_EQ(partial(), 0);
}

TEST_F(GrpcClientAssembly, RepliesThatNobodyTakesAreBounded) {
  const auto endpoint = connect(serve_long(3), bounded(), MethodKind::kServerStream);
  std::vector<std::size_t> calls;
  for (std::size_t i = 0; i < kCalls; ++i) calls.push_back(js_.call(endpoint, {.body = "x"}));
  js_.flush();
  stopped_.wait(false);
  EXPECT_LE(sent_.load(), kMost);
  EXPECT_GT(sent_.load(), kMessage);
  // Once they are taken all of it comes.
  std::vector<std::size_t> taken(kCalls);
  ASSERT_TRUE(js_.pump_until([&] {
    for (std::size_t i = 0; i < kCalls; ++i) {
      const auto come = js_.outcome(calls[i]).messages.size();
      if (come > taken[i]) js_.replies_taken(calls[i], (come - taken[i]) * (kMessage + rpc::kMessageOverhead));
      taken[i] = come;
    }
    js_.flush();
    return js_.ended_calls() == kCalls;
  }));
  for (const auto call : calls) EXPECT_TRUE(js_.outcome(call).ok) << js_.outcome(call).text;
  EXPECT_EQ(partial(), 0);
}

TEST_F(GrpcClientAssembly, SaysWhichLimitKeptAReplyBack) {
  const auto endpoint = connect(serve_long(3), bounded(), MethodKind::kServerStream);
  for (std::size_t i = 0; i < kCalls; ++i) js_.call(endpoint, {.body = "x", .timeout_ms = 500});
  ASSERT_TRUE(pump_ended(kCalls));
  std::size_t kept_back = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (js_.outcome(i).text.find("(option maxBufferedReplyBytes)") != std::string::npos) ++kept_back;
  }
  EXPECT_GT(kept_back, 0U);
  EXPECT_LT(kept_back, kCalls);
  EXPECT_EQ(partial(), 0);
}

}  // namespace
}  // namespace rocket::test
