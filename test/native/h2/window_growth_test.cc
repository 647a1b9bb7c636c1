// Windows that grow with what arrives in a round trip, on both sides.
#include <gtest/gtest.h>

#include "h2/slow_link.h"

namespace rocket::test {
namespace {

constexpr SteadyMs kRoundTrip = 50;
constexpr std::uint32_t kMost = 1 << 20;

h2::Options growing(std::size_t max_growth = 8 << 20) {
  h2::Options options;
  options.max_streams = 1000;
  options.max_window = kMost;
  options.max_growth = max_growth;
  options.min_ping_interval = Millis{0};
  return options;
}

struct Uploads : SlowLink<SessionFixture> {
  explicit Uploads(const h2::Options& options) : SlowLink(options, kRoundTrip) { open(); }
  std::uint32_t upload(bool takes = true) {
    const auto id = odd(opened_++);
    feed(headers(id, false));
    begin(id, takes);
    return id;
  }
  std::uint32_t window(std::uint32_t id) { return h2::Session::window_of(stream(id)); }

 private:
  int opened_ = 0;
};

struct Downloads : SlowLink<ClientFixture> {
  explicit Downloads(const h2::Options& options) : SlowLink(options, kRoundTrip) { open(); }
  void download() {
    const auto id = request();
    feed(headers(id, false, {{":status", "200"}}));
    begin(id);
  }
};

TEST(WindowGrowth, AServerTakesMoreThanAWindowOf64KiBInARoundTrip) {
  constexpr SteadyMs kTime = 40 * kRoundTrip;
  auto fixed = growing();
  fixed.max_window = 0;
  Uploads control(fixed);
  control.upload();
  control.run(kTime);
  EXPECT_LE(control.received, h2::kDefaultWindow * (kTime / kRoundTrip));
  EXPECT_EQ(control.pings, 0U);

  Uploads uploads(growing());
  const auto id = uploads.upload();
  uploads.run(kTime);
  EXPECT_GT(uploads.received, 5 * control.received);
  EXPECT_EQ(uploads.window(id), kMost);
  EXPECT_EQ(uploads.error, "");
  // Once it is as wide as it gets nothing is measured.
  const auto pings = uploads.pings;
  EXPECT_LE(pings, 12U);
  uploads.run(kTime);
  EXPECT_EQ(uploads.pings, pings);
}

TEST(WindowGrowth, AClientDoes) {
  constexpr SteadyMs kTime = 40 * kRoundTrip;
  auto options = growing();
  options.max_streams = h2::kMaxStreamId;
  Downloads downloads(options);
  downloads.download();
  downloads.run(kTime);
  EXPECT_GT(downloads.received, 5 * h2::kDefaultWindow * (kTime / kRoundTrip));
  EXPECT_EQ(downloads.error, "");
}

TEST(WindowGrowth, ItMeasuresAtMostOnceInARoundTrip) {
  Uploads uploads(growing());
  const auto id = uploads.upload();
  uploads.rate = 300;  // 15,000 in a round trip
  uploads.run(100 * kRoundTrip);
  EXPECT_EQ(uploads.window(id), h2::kDefaultWindow);
  EXPECT_GT(uploads.pings, 0U);
  EXPECT_LE(uploads.pings, 100U);
}

TEST(WindowGrowth, AStreamThatNobodyReadsKeepsItsWindow) {
  Uploads uploads(growing());
  std::vector<std::uint32_t> unread;
  for (int i = 0; i < 500; ++i) unread.push_back(uploads.upload(false));
  const auto fast = uploads.upload();
  uploads.run(100 * kRoundTrip);
  EXPECT_EQ(uploads.window(fast), kMost);
  for (const auto id : unread) {
    EXPECT_EQ(uploads.window(id), h2::kDefaultWindow);
    EXPECT_LE(uploads.untaken(id), h2::kDefaultWindow);
  }
  EXPECT_EQ(uploads.error, "");
}

/// Padding is given back as it comes.
TEST(WindowGrowth, PaddingGrowsNoWindow) {
  Uploads uploads(growing());
  const auto id = uploads.upload(false);
  const auto padded = frame(h2::FrameType::kData, h2::kPadded, id, Bytes(1, 255) + text_bytes("x") + Bytes(255));
  for (int i = 0; i < 2000; ++i) uploads.feed(padded);
  uploads.run(2 * kRoundTrip);
  EXPECT_EQ(uploads.window(id), h2::kDefaultWindow);
  EXPECT_EQ(uploads.pings, 0U);
}

TEST(WindowGrowth, WhatAllHaveGrownIsBounded) {
  constexpr std::size_t kGrowth = 2 << 20;
  Uploads uploads(growing(kGrowth));
  std::vector<std::uint32_t> ids;
  const auto grown = [&] {
    std::size_t sum = 0;
    for (const auto id : ids) sum += uploads.window(id) - h2::kDefaultWindow;
    return sum;
  };
  for (int i = 0; i < 10; ++i) ids.push_back(uploads.upload());
  uploads.run(100 * kRoundTrip);
  EXPECT_EQ(grown(), kGrowth);
  // One that ends gives what it had to others.
  const auto last = ids.front();
  const auto freed = uploads.window(last) - h2::kDefaultWindow;
  ASSERT_GT(freed, 0U);
  uploads.end(last);
  uploads.feed(rst(last));
  ids.erase(ids.begin());
  EXPECT_EQ(grown(), kGrowth - freed);
  EXPECT_EQ(uploads.error, "");
}

TEST(WindowGrowth, APeerThatDoesNotAnswerPingsKeepsItsWindows) {
  Uploads uploads(growing());
  uploads.upload();
  uploads.answers_pings = false;
  uploads.run(100 * kRoundTrip);
  EXPECT_EQ(uploads.pings, 1U);
  EXPECT_EQ(uploads.window(1), h2::kDefaultWindow);
}

}  // namespace
}  // namespace rocket::test
