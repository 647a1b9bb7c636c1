#include "rpc/inbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "rpc/inbox_port.h"
#include "support/monitor.h"
#include "support/on_io.h"

namespace rocket::rpc {
namespace {

using test::Monitor;
using test::on_io;

struct Wake final : WakeUp {
  void wake() override {
    count.change([](int& to) { ++to; });
  }
  bool wait() {
    const bool woken = count.wait([](int have) { return have > 0; });
    count.change([](int& to) { to = 0; });
    return woken;
  }
  Monitor<int> count;
};

struct Waiter final : RoomWaiter {
  void on_inbox_room() override {
    ++told;
    if (then) then();
  }
  int told = 0;
  std::function<void()> then;
};

/// An inbox and its two slabs, read by the test's thread.
class InboxTest : public testing::Test {
 protected:
  void open(const Inbox::Limits& limits) {
    for (int i = 0; i < 2; ++i) {
      bytes_[i].resize(limits.slab_bytes);
      words_[i].resize(limits.max_events * kEventWords);
      strings_[i].resize(limits.max_strings * 2);
      heads_[i].resize(limits.head_bytes);
    }
    inbox_ = std::make_shared<Inbox>(slab(0), slab(1), limits, wake_);
    port_ = std::make_shared<InboxPort>(io_, inbox_);
  }
  ~InboxTest() override {
    on_io(io_, [this] { port_.reset(); });
    io_.stop_and_join();
  }
  static Event request(std::uint32_t number, ByteSpan payload = {}) {
    return {.kind = EventKind::kRequest, .id_low = number, .payload = payload};
  }
  Inbox::Slab slab(int index) {
    return {bytes_[index].data(), words_[index].data(), strings_[index].data(), heads_[index].data()};
  }
  const std::int32_t* words(const Inbox::Batch& batch, std::size_t event) const {
    return words_[batch.slab].data() + event * kEventWords;
  }

  std::vector<std::uint8_t> bytes_[2];
  std::vector<std::int32_t> words_[2];
  std::vector<std::int32_t> strings_[2];
  std::vector<std::uint8_t> heads_[2];
  Wake wake_;
  std::shared_ptr<Inbox> inbox_;
  io::IoThread io_{"test", 0};
  std::shared_ptr<InboxPort> port_;
};

TEST_F(InboxTest, ADescriptorSaysWhatTheEventSaid) {
  open({.max_events = 4, .slab_bytes = 64});
  on_io(io_, [&] {
    EXPECT_TRUE(port_->push({.kind = EventKind::kRequest,
                             .owner = 2,
                             .id_low = 3,
                             .id_high = 4,
                             .code = 5,
                             .time_ms = 6,
                             .flags = event_flag::kRequestWritten,
                             .payload = as_bytes("payload"),
                             .text = as_bytes("text")}));
  });
  ASSERT_TRUE(wake_.wait());
  const auto batch = inbox_->swap();
  ASSERT_EQ(batch.events, 1U);
  const std::vector<std::int32_t> got(words(batch, 0), words(batch, 0) + 11);
  EXPECT_EQ(got, (std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 0, 7, 7, 4, event_flag::kRequestWritten}));
  EXPECT_EQ(as_text({bytes_[batch.slab].data(), 11}), "payloadtext");
}

TEST_F(InboxTest, SaysWhichMessagesHoldAsciiOnly) {
  open({.max_events = 4, .slab_bytes = 256 * 1024});
  const std::string plain = std::string("\x0a\x03") + "abc";
  const std::string other = std::string("\x0a\x02") + "\xc3\xa9";
  // Over the size that travels in a block of its own.
  std::string large = "\x0a\x80\x80\x08" + std::string(128 * 1024, 'x');
  on_io(io_, [&] {
    for (const auto& payload : {plain, other, large}) EXPECT_TRUE(port_->push(request(1, as_bytes(payload))));
  });
  ASSERT_TRUE(wake_.wait());
  const auto batch = inbox_->swap();
  ASSERT_EQ(batch.events, 3U);
  const auto flags = [&](std::size_t event) { return words(batch, event)[10]; };
  EXPECT_EQ(flags(0), event_flag::kAsciiText);
  EXPECT_EQ(flags(1), 0);
  EXPECT_EQ(flags(2), event_flag::kAsciiText | event_flag::kLargePayload);
}

TEST_F(InboxTest, SaysWhereStringsAre) {
  open({.max_events = 8, .slab_bytes = 256 * 1024, .max_strings = 3});
  const std::string plain =
      "\x0a\x03"
      "abc"
      "\x12\x02"
      "de";
  const std::string other =
      "\x0a\x03"
      "abc"
      "\x12\x02"
      "\xc3\xa9";
  const std::string large = "\x0a\x80\x80\x08" + std::string(128 * 1024, 'x');
  const auto push = [&](std::string_view payload, std::uint32_t string_fields) {
    EXPECT_TRUE(port_->push({.kind = EventKind::kRequest,
                             .payload = as_bytes(payload),
                             .string_fields = string_fields,
                             .text = as_bytes("metadata")}));
  };
  on_io(io_, [&] {
    push(plain, 1 << 2);
    push(other, 1 << 1);  // not all ASCII
    push(large, 1 << 1);  // not in the slab
    push(plain, 0);
    push(plain, (1 << 1) | (1 << 2));
    push(plain, (1 << 1) | (1 << 2));  // over max_strings
  });
  ASSERT_TRUE(wake_.wait());
  const auto batch = inbox_->swap();
  ASSERT_EQ(batch.events, 6U);
  std::vector<std::string> found;
  for (std::size_t i = 0; i < batch.strings.size(); i += 2) {
    const char* at = reinterpret_cast<const char*>(batch.bytes) + batch.strings[i];
    found.emplace_back(at, static_cast<std::size_t>(batch.strings[i + 1]));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"de", "abc", "de"}));
  EXPECT_EQ(batch.strings[0], words(batch, 0)[6] + 7) << "on from the beginning of its payload";
  on_io(io_, [&] { push(plain, 0); });
  ASSERT_TRUE(wake_.wait());
  EXPECT_TRUE(inbox_->swap().strings.empty());
}

TEST_F(InboxTest, HasTheHeadOfEachRequest) {
  open({.max_events = 200, .slab_bytes = 3000, .head_bytes = 32768});
  constexpr std::size_t kCalls = 120;
  const std::string long_id(700, 'i');
  const auto id = [&](std::size_t i) { return i % 20 == 7 ? long_id : "id-" + std::to_string(i); };
  const auto peer = [](std::size_t i) { return "10.0.0.1:" + std::to_string(i / 3); };
  const auto metadata = [](std::size_t i) { return std::string(i % 4 == 0 ? 0 : i, 'm'); };
  for (int round = 0; round < 3; ++round) {
    on_io(io_, [&] {
      for (std::size_t i = 0; i < kCalls; ++i) {
        const std::string from = peer(i);
        const std::string name = id(i);
        const std::string text = metadata(i);
        EXPECT_TRUE(port_->push({.kind = EventKind::kRequest, .text = as_bytes(text), .peer = from, .msg_id = name}));
        EXPECT_TRUE(i % 3 != 0 || port_->push({.kind = EventKind::kLog, .text = as_bytes("between")}));
      }
    });
    ASSERT_TRUE(wake_.wait());
    const auto batch = inbox_->swap();
    ASSERT_EQ(batch.events, kCalls + kCalls / 3);
    std::vector<std::string> strings;
    std::uint32_t start = 0;
    for (const auto end : batch.head_ends) {
      strings.emplace_back(reinterpret_cast<const char*>(batch.heads) + start, end - start);
      EXPECT_LE(strings.back().size(), Inbox::kHeadsBytes + long_id.size() + 100);
      start = end;
    }
    EXPECT_GT(strings.size(), 2U);
    for (std::size_t i = 0, event = 0; i < kCalls; ++i, event += i % 3 == 1 ? 2 : 1) {
      ASSERT_EQ(words(batch, event)[0], static_cast<std::int32_t>(EventKind::kRequest));
      const auto word = static_cast<std::uint32_t>(words(batch, event)[11]);
      const std::string& string = strings.at(word >> kHeadPlaceBits);
      const std::size_t at = word & ((1U << kHeadPlaceBits) - 1);
      const auto byte = [&](std::size_t n) { return static_cast<std::size_t>(static_cast<unsigned char>(string[n])); };
      const std::size_t peer_at = byte(at) | byte(at + 1) << 8;
      ASSERT_EQ(string.substr(peer_at + 1, byte(peer_at)), peer(i)) << i;
      ASSERT_EQ(string.substr(at + 6, byte(at + 2) | byte(at + 3) << 8), id(i)) << i;
      ASSERT_EQ(string.substr(at + 6 + id(i).size(), byte(at + 4) | byte(at + 5) << 8), metadata(i)) << i;
    }
  }
}

TEST_F(InboxTest, IsFullWhenThereIsNoRoomForAHead) {
  open({.max_events = 100, .slab_bytes = 1000, .head_bytes = 110});
  on_io(io_, [&] {
    const std::string id(40, 'i');
    const auto push = [&] { return port_->push({.kind = EventKind::kRequest, .peer = "unix:", .msg_id = id}); };
    EXPECT_TRUE(push());
    EXPECT_TRUE(push());  // of the same peer
    EXPECT_FALSE(push());
  });
  ASSERT_TRUE(wake_.wait());
  EXPECT_EQ(inbox_->swap().events, 2U);
  on_io(io_, [&] { EXPECT_TRUE(port_->push({.kind = EventKind::kRequest, .peer = "unix:", .msg_id = "id"})); });
}

TEST_F(InboxTest, IsFreeForItsReaderWithinABurst) {
  open({.max_events = 4096, .slab_bytes = 1024});
  on_io(io_, [&] {
    const InboxPort::Burst burst(*port_);
    for (std::uint32_t i = 0; i < 64; ++i) EXPECT_TRUE(port_->push(request(i)));
    // Every so many pushes the lock is let go of; this would hang otherwise, as the burst is not over.
    EXPECT_EQ(inbox_->depth().events, 64U);
  });
  ASSERT_TRUE(wake_.wait());
  EXPECT_EQ(inbox_->swap().events, 64U);
}

TEST_F(InboxTest, WakesWithinATurnWhenManyEventsWait) {
  open({.max_events = 100, .slab_bytes = 1000, .announce_events = 4});
  on_io(io_, [&] {
    for (std::uint32_t i = 0; i < 3; ++i) port_->push(request(i));
    EXPECT_EQ(wake_.count.get(), 0) << "the turn's end would do";
    for (std::uint32_t i = 3; i < 10; ++i) port_->push(request(i));
    EXPECT_EQ(wake_.count.get(), 1) << "once a batch";
  });
}

TEST_F(InboxTest, WakesOnceATurnAndOnceABatch) {
  open({.max_events = 100, .slab_bytes = 1000});
  on_io(io_, [&] {
    for (std::uint32_t i = 0; i < 10; ++i) port_->push(request(i));
  });
  on_io(io_, [&] { port_->push(request(10)); });
  on_io(io_, [] {});
  EXPECT_EQ(wake_.count.get(), 1) << "it has not come yet";
  EXPECT_EQ(inbox_->swap().events, 11U);
  EXPECT_EQ(inbox_->swap().events, 0U);
  on_io(io_, [&] { port_->push(request(11)); });
  on_io(io_, [] {});
  EXPECT_EQ(wake_.count.get(), 2);
}

TEST_F(InboxTest, IsFullInEventsAndInBytes) {
  open({.max_events = 3, .slab_bytes = 100});
  on_io(io_, [&] {
    EXPECT_FALSE(port_->push(request(0, as_bytes(std::string(101, 'x')))));
    EXPECT_TRUE(port_->push(request(0, as_bytes(std::string(100, 'x')))));
    EXPECT_FALSE(port_->push(request(1, as_bytes("x"))));
    EXPECT_TRUE(port_->push(request(1)));
    EXPECT_TRUE(port_->push(request(2)));
    EXPECT_FALSE(port_->push(request(3)));
  });
  EXPECT_EQ(inbox_->depth().events, 3U);
  EXPECT_EQ(inbox_->depth().bytes, 100U);
}

TEST_F(InboxTest, TellsOfRoomAfterASwap) {
  open({.max_events = 2, .slab_bytes = 100});
  Waiter waiter;
  waiter.then = [&] {
    if (!port_->push(request(9))) port_->wait_for_room(waiter);
  };
  on_io(io_, [&] {
    while (port_->push(request(0))) {
    }
    port_->wait_for_room(waiter);
    port_->wait_for_room(waiter);
  });
  on_io(io_, [&] { EXPECT_EQ(waiter.told, 0); });
  EXPECT_EQ(inbox_->swap().events, 2U);
  on_io(io_, [&] { EXPECT_EQ(waiter.told, 1); });
  EXPECT_EQ(inbox_->swap().events, 1U);
  on_io(io_, [&] { EXPECT_EQ(waiter.told, 1) << "it does not wait any more"; });
}

TEST_F(InboxTest, AForgottenWaiterIsNotTold) {
  open({.max_events = 1, .slab_bytes = 100});
  Waiter forgotten;
  Waiter other;
  on_io(io_, [&] {
    EXPECT_TRUE(port_->push(request(0)));
    EXPECT_FALSE(port_->push(request(1)));
    port_->wait_for_room(forgotten);
    port_->wait_for_room(other);
    port_->forget(forgotten);
  });
  inbox_->swap();
  on_io(io_, [&] {
    EXPECT_EQ(forgotten.told, 0);
    EXPECT_EQ(other.told, 1);
  });
}

TEST_F(InboxTest, KeepsWhatMustNotBeRefusedInOrder) {
  open({.max_events = 4, .slab_bytes = 100});
  constexpr std::uint32_t kEvents = 50;
  on_io(io_, [&] {
    for (std::uint32_t i = 0; i < kEvents; ++i) {
      const std::string text = "event " + std::to_string(i);  // gone before it is delivered
      port_->push_always({.kind = EventKind::kFailure, .id_low = i, .text = as_bytes(text)});
    }
    EXPECT_FALSE(port_->push(request(1000))) << "it would overtake what is kept";
  });
  std::uint32_t next = 0;
  while (next < kEvents) {
    ASSERT_TRUE(wake_.wait());
    const auto batch = inbox_->swap();
    for (std::size_t i = 0; i < batch.events; ++i, ++next) {
      const std::int32_t* event = words(batch, i);
      ASSERT_EQ(event[2], static_cast<std::int32_t>(next));
      const ByteSpan text(bytes_[batch.slab].data() + event[8], static_cast<std::size_t>(event[9]));
      ASSERT_EQ(as_text(text), "event " + std::to_string(next));
    }
  }
  on_io(io_, [&] { EXPECT_TRUE(port_->push(request(1000))); });
}

TEST_F(InboxTest, LargePayloadsComeInBlocksOfTheirOwn) {
  open({.max_events = 10, .slab_bytes = 1000, .max_large_bytes = 300'000});
  const std::vector<std::uint8_t> body(100'000, 7);
  on_io(io_, [&] {
    // In a frame: the block begins with what precedes the payload.
    OwnedBytes frame(body.size() + 30);
    std::copy(body.begin(), body.end(), frame.data() + 25);
    const std::uint8_t* memory = frame.data();
    EXPECT_TRUE(port_->push(request(0, {frame.data() + 25, body.size()}), &frame));
    EXPECT_NE(memory, nullptr);
    EXPECT_TRUE(port_->push(request(1, body))) << "without a block it is copied";
    EXPECT_TRUE(port_->push(request(2, body)));
    EXPECT_FALSE(port_->push(request(3, body))) << "over max_large_bytes";
    EXPECT_TRUE(port_->push(request(4, as_bytes("small"))));
  });
  const auto batch = inbox_->swap();
  ASSERT_EQ(batch.events, 4U);
  ASSERT_EQ(batch.large.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int32_t* event = words(batch, i);
    EXPECT_EQ(event[10], event_flag::kLargePayload);
    EXPECT_EQ(event[6], i == 0 ? 25 : 0);
    ASSERT_EQ(event[7], 100'000);
    EXPECT_EQ(batch.large[i].data()[event[6] + 99'999], 7);
  }
  // However large, one is always let in, or it could never pass.
  const std::vector<std::uint8_t> huge(400'000, 8);
  on_io(io_, [&] { EXPECT_TRUE(port_->push(request(5, huge))); });
}

TEST_F(InboxTest, CloseDropsAndWakesNobody) {
  open({.max_events = 2, .slab_bytes = 100});
  Waiter waiter;
  on_io(io_, [&] {
    while (port_->push(request(0))) {
    }
    port_->push_always(request(1));
    port_->wait_for_room(waiter);
  });
  on_io(io_, [] {});
  inbox_->close();
  for (int i = 0; i < 2; ++i) {
    bytes_[i] = {};  // JavaScript's memory may go from here on
    words_[i] = {};
  }
  const int woken = wake_.count.get();
  on_io(io_, [&] {
    EXPECT_EQ(waiter.told, 1) << "so that it does not wait for ever";
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(port_->push(request(2, as_bytes("x"))));
  });
  on_io(io_, [] {});
  EXPECT_EQ(wake_.count.get(), woken);
  EXPECT_EQ(inbox_->depth().events, 0U);
  EXPECT_EQ(inbox_->depth().dropped, 13U);
  EXPECT_EQ(inbox_->swap().events, 0U);
}

TEST_F(InboxTest, ForgottenPortsAreNotTold) {
  open({.max_events = 1, .slab_bytes = 100});
  Waiter waiter;
  on_io(io_, [&] {
    while (port_->push(request(0))) {
    }
    port_->wait_for_room(waiter);
  });
  inbox_->forget_ports();
  inbox_->swap();
  on_io(io_, [&] { EXPECT_EQ(waiter.told, 0); });
}

/// Pushes numbered events from its io thread until all are in, waiting for room whenever there is none.
class Producer final : public RoomWaiter {
 public:
  Producer(std::shared_ptr<Inbox> inbox, std::int32_t number, std::uint32_t count)
      : io_("test", static_cast<std::uint32_t>(number)),
        port_(std::make_shared<InboxPort>(io_, std::move(inbox))),
        number_(number),
        count_(count) {
    io_.post([this] { on_inbox_room(); });
  }
  ~Producer() {
    on_io(io_, [this] { port_.reset(); });
    io_.stop_and_join();
  }
  void on_inbox_room() override {
    while (next_ < count_) {
      const std::string text = std::to_string(next_);
      if (!port_->push({.kind = EventKind::kRequest, .owner = number_, .id_low = next_, .payload = as_bytes(text)})) {
        return port_->wait_for_room(*this);
      }
      ++next_;
    }
  }

 private:
  io::IoThread io_;
  std::shared_ptr<InboxPort> port_;
  const std::int32_t number_;
  const std::uint32_t count_;
  std::uint32_t next_ = 0;
};

TEST_F(InboxTest, SeveralIoThreadsFeedOneConsumer) {
  open({.max_events = 64, .slab_bytes = 200});
  constexpr std::uint32_t kCount = 20'000;
  constexpr std::size_t kProducers = 3;
  std::vector<std::unique_ptr<Producer>> producers;
  for (std::size_t i = 0; i < kProducers; ++i) {
    producers.push_back(std::make_unique<Producer>(inbox_, static_cast<std::int32_t>(i), kCount));
  }
  std::vector<std::uint32_t> next(kProducers);
  std::size_t total = 0;
  while (total < kProducers * kCount) {
    ASSERT_TRUE(wake_.wait()) << "after " << total;
    const auto batch = inbox_->swap();
    for (std::size_t i = 0; i < batch.events; ++i, ++total) {
      const std::int32_t* event = words(batch, i);
      auto& expected = next.at(static_cast<std::size_t>(event[1]));
      ASSERT_EQ(event[2], static_cast<std::int32_t>(expected));
      const ByteSpan payload(bytes_[batch.slab].data() + event[6], static_cast<std::size_t>(event[7]));
      ASSERT_EQ(as_text(payload), std::to_string(expected));
      ++expected;
    }
  }
}

}  // namespace
}  // namespace rocket::rpc
