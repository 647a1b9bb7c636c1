#include "grpc/message_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/hex.h"

namespace rocket::grpc {
namespace {

using Result = MessageReader::Result;
using test::Bytes;
using test::operator+;

constexpr std::size_t kMost = 4 << 20;

Bytes framed(const Bytes& message, std::uint8_t flag = 0) {
  Bytes bytes(kMessageHeadBytes);
  write_message_head(bytes.data(), message.size(), false);
  bytes[0] = flag;
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return bytes;
}

/// All messages in `pieces`, each of which is a heap block of its own so that a sanitizer sees what is read past it.
std::vector<Bytes> read_all(MessageReader& reader, const std::vector<Bytes>& pieces) {
  std::vector<Bytes> messages;
  for (const auto& piece : pieces) {
    ByteSpan rest(piece);
    MessageReader::Message message;
    while (reader.next(rest, kMost, message) == Result::kMessage)
      messages.emplace_back(message.bytes.begin(), message.bytes.end());
    EXPECT_TRUE(rest.empty());
  }
  return messages;
}

TEST(GrpcMessageReader, DoesNotCopyAMessageInOnePiece) {
  const Bytes bytes = framed(counted(100)) + framed({}) + framed(counted(3), 1);
  MessageReader reader;
  ByteSpan rest(bytes);
  MessageReader::Message message;
  ASSERT_EQ(reader.next(rest, kMost, message), Result::kMessage);
  EXPECT_EQ(message.bytes.data(), bytes.data() + kMessageHeadBytes);
  EXPECT_EQ(message.bytes.size(), 100U);
  EXPECT_EQ(message.block, nullptr);
  EXPECT_FALSE(message.compressed);
  ASSERT_EQ(reader.next(rest, kMost, message), Result::kMessage);
  EXPECT_TRUE(message.bytes.empty());
  ASSERT_EQ(reader.next(rest, kMost, message), Result::kMessage);
  EXPECT_TRUE(message.compressed);
  EXPECT_EQ(reader.next(rest, kMost, message), Result::kNeedsMore);
  EXPECT_FALSE(reader.in_message());
  EXPECT_EQ(reader.held_bytes(), 0U);
}

TEST(GrpcMessageReader, TakesAnySplit) {
  const std::vector<Bytes> sent = {counted(0), counted(1), counted(13), counted(0), counted(40)};
  Bytes bytes;
  for (const auto& message : sent) bytes = bytes + framed(message);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); second += 3) {
      MessageReader reader;
      const auto at = [&](std::size_t from, std::size_t to) { return Bytes(bytes.begin() + from, bytes.begin() + to); };
      EXPECT_EQ(read_all(reader, {at(0, first), at(first, second), at(second, bytes.size())}), sent);
      EXPECT_FALSE(reader.in_message());
    }
  }
}

TEST(GrpcMessageReader, TakesSingleBytes) {
  const std::vector<Bytes> sent = {counted(1000), counted(0), counted(5000)};
  MessageReader reader;
  std::vector<Bytes> pieces;
  for (const auto& message : sent)
    for (const auto byte : framed(message)) pieces.push_back({byte});
  EXPECT_EQ(read_all(reader, pieces), sent);
}

TEST(GrpcMessageReader, AnAssembledMessageIsTheWholeBlock) {
  const Bytes bytes = framed(counted(300'000));
  MessageReader reader;
  MessageReader::Message message;
  for (std::size_t at = 0; at < bytes.size(); at += 16384) {
    ByteSpan rest = ByteSpan(bytes).subspan(at, std::min<std::size_t>(16384, bytes.size() - at));
    const auto result = reader.next(rest, kMost, message);
    EXPECT_EQ(result == Result::kMessage, at + 16384 >= bytes.size());
  }
  ASSERT_NE(message.block, nullptr);
  EXPECT_EQ(message.block->size(), 300'000U);
  EXPECT_EQ(message.bytes.data(), message.block->data());
  EXPECT_EQ(Bytes(message.bytes.begin(), message.bytes.end()), counted(300'000));
  const OwnedBytes taken = std::move(*message.block);
  EXPECT_EQ(reader.held_bytes(), 0U);
  EXPECT_EQ(read_all(reader, {framed(counted(9))}), std::vector<Bytes>{counted(9)});
}

TEST(GrpcMessageReader, WhatIsOnlyAnnouncedTakesNoMemory) {
  MessageReader reader;
  MessageReader::Message message;
  Bytes bytes = framed({});
  write_message_head(bytes.data(), kMost, false);
  bytes.push_back(1);
  ByteSpan rest(bytes);
  EXPECT_EQ(reader.next(rest, kMost, message), Result::kNeedsMore);
  EXPECT_TRUE(reader.in_message());
  EXPECT_EQ(reader.message_bytes(), kMost);
  EXPECT_LE(reader.held_bytes(), 4096U);
}

TEST(GrpcMessageReader, SaysHowLargeOneOverTheLimitIs) {
  for (const std::size_t size : {std::size_t{101}, std::size_t{0xffffffff}}) {
    MessageReader reader;
    MessageReader::Message message;
    Bytes bytes(kMessageHeadBytes);
    write_message_head(bytes.data(), size, true);
    ByteSpan rest(bytes);
    EXPECT_EQ(reader.next(rest, 100, message), Result::kTooLarge);
    EXPECT_EQ(reader.message_bytes(), size);
    EXPECT_EQ(reader.held_bytes(), 0U);
  }
  MessageReader reader;
  MessageReader::Message message;
  const Bytes bytes = framed(counted(100));
  ByteSpan rest(bytes);
  EXPECT_EQ(reader.next(rest, 100, message), Result::kMessage);
}

TEST(GrpcMessageReader, RefusesAFlagThatIsNone) {
  for (const int flag : {2, 3, 0x80, 0xff}) {
    MessageReader reader;
    MessageReader::Message message;
    const Bytes bytes{static_cast<std::uint8_t>(flag)};
    ByteSpan rest(bytes);
    EXPECT_EQ(reader.next(rest, kMost, message), Result::kBadFlag);
  }
}

TEST(GrpcMessageReader, IsAsNewAfterReset) {
  MessageReader reader;
  read_all(reader, {Bytes{0, 0, 1}});
  EXPECT_TRUE(reader.in_message());
  reader.reset();
  EXPECT_EQ(read_all(reader, {framed(counted(4))}), std::vector<Bytes>{counted(4)});
  Bytes large = framed(counted(100'000));
  large.pop_back();
  read_all(reader, {large});
  reader.reset();
  EXPECT_EQ(reader.held_bytes(), 0U);
}

}  // namespace
}  // namespace rocket::grpc
