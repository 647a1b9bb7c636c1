#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "io/byte_stream.h"
#include "support/raw_peer.h"

namespace rocket::test {

/// What TLS asks of a connection, without its cryptography. Each side sends kHello before anything else. Then come
/// records: two bytes of length and so many bytes with every bit flipped; one without bytes ends the stream. kRekey in
/// place of a length wants kRekeyed as its answer.
class ToyLayer final : public io::ByteStream {
 public:
  static constexpr std::uint8_t kHello = 'H';
  static constexpr std::uint16_t kRekey = 0xffff;
  static constexpr std::uint16_t kRekeyed = 0xfffe;
  static constexpr std::size_t kMostInRecord = 1000;
  /// What it turns into one write to the socket.
  static constexpr std::size_t kMostAtOnce = 16'000;

  /// `read` are bytes that somebody has read from `below` already.
  ToyLayer(io::ByteStream& below, bool client, ByteSpan read = {})
      : below_(below), client_(client), input_(read.begin(), read.end()) {}

  static Bytes record(ByteSpan plain) {
    Bytes out = mark(static_cast<std::uint16_t>(plain.size()));
    for (const auto byte : plain) out.push_back(static_cast<std::uint8_t>(~byte));
    return out;
  }
  static Bytes records(ByteSpan plain, std::size_t most = kMostInRecord) {
    Bytes out;
    for (; !plain.empty(); plain = plain.subspan(std::min(most, plain.size()))) {
      const Bytes one = record(plain.first(std::min(most, plain.size())));
      out.insert(out.end(), one.begin(), one.end());
    }
    return out;
  }
  static Bytes mark(std::uint16_t value) {
    return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  }

  Moved read(std::span<std::uint8_t> into) override {
    for (;;) {
      if (!plain_.empty()) {
        const std::size_t here = std::min(into.size(), plain_.size());
        std::copy_n(plain_.begin(), here, into.begin());
        plain_.erase(plain_.begin(), plain_.begin() + static_cast<std::ptrdiff_t>(here));
        return {here, holds_input() ? Next::kAgain : Next::kReadable};
      }
      if (open_record()) continue;
      if (broken_) return {0, Next::kBroken};
      if (ended_) return {0, Next::kEnded};
      std::uint8_t buffer[4096];
      const Moved moved = below_.read(buffer);
      if (moved.bytes == 0) return moved.next == Next::kAgain ? Moved{0, Next::kReadable} : moved;
      input_.insert(input_.end(), buffer, buffer + moved.bytes);
    }
  }

  Moved write(std::span<const iovec> parts) override {
    if (client_ && !said_hello_) say_hello();
    if (!send()) return {0, broken_ ? Next::kBroken : Next::kWritable};
    if (!heard_hello_) return {0, Next::kReadable};
    Bytes plain;
    for (const iovec& part : parts) {
      const auto* at = static_cast<const std::uint8_t*>(part.iov_base);
      plain.insert(plain.end(), at, at + std::min(part.iov_len, kMostAtOnce - plain.size()));
    }
    put(records(plain));
    ++writes;
    const bool sent = send();
    return {plain.size(), broken_ ? Next::kBroken : sent ? Next::kAgain : Next::kWritable};
  }
  void shutdown() override { put(mark(0)); }
  bool can_direct() const override { return false; }
  bool holds_input() const override { return !plain_.empty() || whole_record() || ended_ || broken_; }
  bool holds_output() const override { return !output_.empty() || (client_ && !said_hello_); }

  std::size_t writes = 0;

 private:
  void put(const Bytes& bytes) { output_.insert(output_.end(), bytes.begin(), bytes.end()); }
  void say_hello() {
    said_hello_ = true;
    output_.push_back(kHello);
  }
  std::uint16_t head() const { return static_cast<std::uint16_t>(input_[0] << 8 | input_[1]); }
  bool whole_record() const {
    if (!heard_hello_) return !input_.empty();
    return input_.size() >= 2 && (head() >= kRekeyed || input_.size() >= 2U + head());
  }
  void drop(std::size_t size) { input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size)); }
  /// Whether there was something to open.
  bool open_record() {
    if (ended_ || broken_ || !whole_record()) return false;
    if (!heard_hello_) {
      broken_ = input_[0] != kHello;
      heard_hello_ = true;
      drop(1);
      if (!said_hello_) say_hello();
      return true;
    }
    const std::uint16_t size = head();
    drop(2);
    if (size == kRekey) put(mark(kRekeyed));
    if (size >= kRekeyed) return true;
    if (size == 0) ended_ = true;
    for (std::size_t i = 0; i < size; ++i) plain_.push_back(static_cast<std::uint8_t>(~input_[i]));
    drop(size);
    return true;
  }
  /// Whether all of it went.
  bool send() {
    if (output_.empty()) return true;
    const iovec part{output_.data(), output_.size()};
    const Moved moved = below_.write({&part, 1});
    broken_ = broken_ || moved.next == Next::kBroken;
    output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(moved.bytes));
    return output_.empty();
  }

  io::ByteStream& below_;
  const bool client_;
  bool said_hello_ = false;
  bool heard_hello_ = false;
  bool ended_ = false;
  bool broken_ = false;
  Bytes input_;
  Bytes plain_;
  Bytes output_;
};

}  // namespace rocket::test
