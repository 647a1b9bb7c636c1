#include "tinypb/partial_scan.h"

#include <gtest/gtest.h>

#include <random>

#include "support/raw_peer.h"
#include "tinypb/reply_frame.h"
#include "tinypb/request_frame.h"

namespace rocket::tinypb {
namespace {

using test::Bytes;

constexpr std::uint8_t kPoison[] = {3, 2, 0, 0, 0, 0};

struct Given {
  std::string msg_id;
  std::string method = "Order.makeOrder";
  std::int32_t left_ms = 1000;
  std::string metadata;
  Bytes body;
  bool checksum = true;
};

/// Where a frame's fields and body are.
struct Layout {
  std::size_t body_begin;
  std::size_t body_end;
};

Layout layout_of(ByteSpan frame) {
  FrameView view;
  EXPECT_EQ(decode(frame, view), DecodeError::kNone);
  const auto begin = static_cast<std::size_t>(view.body.data() - frame.data());
  return {begin, begin + view.body.size()};
}

/// What the C++ decoder does with all but the end byte, told anew from its source: no frame may be found behind the
/// first byte, but where what is read as its length lies wholly in the body: that is the user's.
void expect_readable(ByteSpan frame, const std::string& what) {
  const Layout at = layout_of(frame);
  const std::size_t arrived = frame.size() - 1;
  for (std::size_t i = 1; i + 4 < arrived; ++i) {
    if (frame[i] != 2 || (i >= at.body_begin && i + 5 <= at.body_end)) continue;
    const auto end = static_cast<std::int64_t>(i) + static_cast<std::int32_t>(load_be32(frame.data() + i + 1)) - 1;
    if (end < 0 || end >= static_cast<std::int64_t>(arrived)) continue;
    EXPECT_NE(frame[static_cast<std::size_t>(end)], 3) << what << ": a frame at " << i;
  }
  for (std::size_t i = 0; i + sizeof kPoison <= frame.size(); ++i) {
    if (std::memcmp(frame.data() + i, kPoison, sizeof kPoison) != 0) continue;
    EXPECT_TRUE(i >= at.body_begin && i + sizeof kPoison <= at.body_end) << what << ": poison at " << i;
  }
}

class Requests {
 public:
  Bytes encode(const Given& given) {
    ClientCall& call = *calls_.allocate();
    call.link = reinterpret_cast<rpc::ClientLink*>(this);
    const rpc::ClientMethod method{given.method};
    call.method = &method;
    if (!given.msg_id.empty()) calls_.claim(call, given.msg_id);
    EXPECT_TRUE(request_.make(calls_, call, given.left_ms, given.metadata, given.body, given.checksum));
    Bytes frame(request_.bytes());
    request_.write(frame.data());
    FrameView view;
    EXPECT_EQ(decode(frame, view), DecodeError::kNone);
    EXPECT_EQ(calls_.find(view.msg_id), &call);
    EXPECT_LE(view.msg_id.size(), 99U);
    EXPECT_LE(view.err_code, given.left_ms);
    EXPECT_EQ(view.err_info, given.metadata);
    last_ = {std::string(view.msg_id), view.err_code, view.checksum};
    calls_.release(call);
    return frame;
  }

  struct Last {
    std::string msg_id;
    std::int32_t left_ms = 0;
    std::uint32_t checksum = 0;
  } last_;

 private:
  ClientCallTable calls_{[](Timer&) {}, 0x03020000};
  RequestFrame request_;
};

TEST(PartialScan, ATimeLeftNeverMakesTheSequence) {
  Requests requests;
  for (const std::int32_t left : {770, 66306, 197120, 50462720, 0x03020001, 0x030200ff, 131072, 131073, 0x02000001,
                                  0x7f030200, 0x7fff0302, 1, 2, INT32_MAX}) {
    for (const bool checksum : {true, false}) {
      for (const char* metadata : {"", "k=v", "key=value&token=secret"}) {
        expect_readable(requests.encode({.left_ms = left, .metadata = metadata, .checksum = checksum}),
                        std::to_string(left) + metadata);
        EXPECT_LE(left - requests.last_.left_ms, left >> 8 == 0x030200 ? 256 : 2);
      }
    }
  }
}

// The quick look at a reply may not pass over what the whole scan finds.
TEST(PartialScan, WhatHoldsNoStartByteIsNotMisread) {
  std::mt19937 random(7);
  const auto byte = [&] { return static_cast<char>(std::uniform_int_distribution<int>(0, 4)(random)); };
  const auto text = [&](std::size_t most) {
    std::string made(std::uniform_int_distribution<std::size_t>(0, most)(random), 'x');
    for (char& c : made) c = random() % 3 == 0 ? byte() : 'x';
    return made;
  };
  int misread = 0;
  for (int round = 0; round < 200'000; ++round) {
    const std::string msg_id = text(6);
    const std::string method = text(6);
    const std::string info = text(4);
    const std::string body = text(8);
    std::int32_t code = 0;
    for (int i = 0; i < 4; ++i) code = code << 8 | byte();
    const FrameHead head{msg_id, method, code, info};
    Bytes prefix(frame_bytes(head, 0) - kSuffixBytes);
    write_prefix(prefix.data(), head, body.size());
    const bool found = misread_while_partial(prefix, as_bytes(body), kNoChecksum, Cut::kAsSent);
    misread += found;
    ASSERT_TRUE(!found || holds_start_byte(head, as_bytes(body), holds_start_byte(head.method)));
  }
  EXPECT_GT(misread, 100);
}

TEST(PartialScan, EveryTimeLeftOfTwoBytes) {
  for (std::int32_t left = 1; left < 1 << 18; ++left) {
    const std::int32_t safe = safe_time_left(left);
    ASSERT_TRUE(safe == left || safe == left - 1);
    ASSERT_NE(safe & 0xffff, 0x0302);
    ASSERT_NE(safe & 0xffffff, 0x030200);
  }
}

TEST(PartialScan, ALengthOfTheFrameNeverMakesIt) {
  Requests requests;
  const std::size_t head = requests.encode({}).size();
  for (const std::size_t whole :
       {std::size_t{0x0302}, std::size_t{0x30200}, std::size_t{0x10302}, std::size_t{0x20001}}) {
    Given given;
    given.body.assign(whole - head, 7);
    expect_readable(requests.encode(given), std::to_string(whole));
    EXPECT_EQ(requests.last_.msg_id.size(), whole == 0x20001 ? 20U : 21U);
    // The id was given, and as long as one can be.
    given.msg_id = std::string(99, 'i');
    given.body.assign(whole - head - 79, 7);
    expect_readable(requests.encode(given), std::to_string(whole));
    given.msg_id = "abc.1";
    given.body.assign(whole - head + 15, 7);
    expect_readable(requests.encode(given), std::to_string(whole));
    EXPECT_TRUE(requests.last_.msg_id.starts_with("abc.1")) << "searches for the outer id find it";
  }
}

TEST(PartialScan, ABodyAndItsChecksumNeverMakeItTogether) {
  Requests requests;
  for (const bool checksum : {true, false}) {
    for (const Bytes& tail : {Bytes{3, 2}, Bytes{3, 2, 0}, Bytes{3, 2, 0, 0}, Bytes{3, 2, 0, 0, 0}, Bytes{2},
                              Bytes{2, 0}, Bytes{2, 0xff}, Bytes{2, 0xff, 0xff, 0xff}}) {
      for (int salt = 0; salt < 2000; ++salt) {
        Given given{.checksum = checksum};
        given.body = {static_cast<std::uint8_t>(salt), static_cast<std::uint8_t>(salt >> 8)};
        given.body.insert(given.body.end(), tail.begin(), tail.end());
        expect_readable(requests.encode(given), "tail of " + std::to_string(tail.size()));
      }
    }
  }
}

TEST(PartialScan, RandomRequests) {
  Requests requests;
  std::mt19937 random(20230514);
  const auto byte = [&] { return static_cast<std::uint32_t>(random() & 0xff); };
  const auto one_of = [&](std::initializer_list<std::uint32_t> values) {
    return values.begin()[random() % values.size()];
  };
  for (int round = 0; round < 20'000; ++round) {
    Given given;
    given.checksum = random() % 2 == 0;
    std::uint32_t left = 0;
    for (int i = 0; i < 4; ++i) left = left << 8 | one_of({0, 0, 1, 2, 3, 0xff, byte()});
    given.left_ms = std::max<std::int32_t>(1, static_cast<std::int32_t>(left & INT32_MAX));
    if (random() % 3 == 0) given.msg_id = std::string(1 + random() % 99, static_cast<char>('a' + random() % 26));
    given.method = "S." + std::string(1 + random() % (random() % 8 == 0 ? 509 : 20), 'm');
    if (random() % 3 == 0) given.metadata = "k=" + std::string(random() % 510, 'v');
    given.body.resize(random() % (random() % 50 == 0 ? 200'000 : 40));
    for (auto& each : given.body) each = static_cast<std::uint8_t>(one_of({0, 0, 0, 2, 3, byte()}));
    expect_readable(requests.encode(given), "round " + std::to_string(round));
  }
}

/// What a reply to a C++ client looks like.
Bytes reply(FrameHead head, ByteSpan body) {
  bool checksum = false;
  std::string scratch;
  make_readable(head, body, holds_start_byte(head.method), checksum, scratch);
  return test::make_frame(head, body, checksum);
}

TEST(PartialScan, RepliesToCppClients) {
  std::mt19937 random(7);
  const std::string long_text(511, 'x');
  for (const std::int32_t code : {770, 66306, 197120, 50462720, 0x03020001, 0x7f030200, 10000008, 4711}) {
    for (const std::string& text : {std::string(), std::string("no"), std::string("a longer text"), long_text}) {
      const Bytes frame = reply({"12345678901234567890", "Order.makeOrder", code, text}, {});
      expect_readable(frame, std::to_string(code));
      FrameView view;
      ASSERT_EQ(decode(frame, view), DecodeError::kNone);
      EXPECT_TRUE(view.err_info.starts_with(text.substr(0, 500)));
      EXPECT_LE(view.err_info.size(), 511U);
      EXPECT_EQ(view.err_code, code == 50462720 ? 20000002 : code);
    }
  }
  const FrameHead ok{"12345678901234567890", "Order.makeOrder", 0, ""};
  for (const std::size_t whole : {std::size_t{0x0302}, std::size_t{0x30200}}) {
    Bytes body(whole - frame_bytes(ok, 0), 7);
    expect_readable(reply(ok, body), std::to_string(whole));
  }
  for (int round = 0; round < 20'000; ++round) {
    Bytes body(random() % 12);
    for (auto& byte : body) byte = static_cast<std::uint8_t>(random() % 4);
    expect_readable(reply(ok, body), "round " + std::to_string(round));
  }
}

}  // namespace
}  // namespace rocket::tinypb
