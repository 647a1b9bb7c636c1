#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/list_link.h"

namespace rocket {
namespace {

TEST(BigEndian, RoundTrips) {
  std::array<std::uint8_t, 5> bytes{};
  store_be32(bytes.data() + 1, 0x01020304);  // not aligned
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 5>{0, 1, 2, 3, 4}));
  EXPECT_EQ(load_be32(bytes.data() + 1), 0x01020304U);
}

TEST(OwnedBytes, OwnsACopy) {
  const OwnedBytes block = OwnedBytes::copy_of(as_bytes("hello"));
  EXPECT_EQ(as_text(block.span()), "hello");
  EXPECT_FALSE(block.empty());
  EXPECT_TRUE(OwnedBytes::copy_of({}).empty());
  EXPECT_TRUE(OwnedBytes().empty());
  EXPECT_NE(OwnedBytes(0).data(), nullptr);
}

TEST(OwnedBytes, ReleaseHandsOverTheBlock) {
  OwnedBytes block = OwnedBytes::copy_of(as_bytes("hello"));
  std::uint8_t* data = block.release();
  EXPECT_TRUE(block.empty());
  EXPECT_EQ(block.data(), nullptr);
  EXPECT_EQ(data[0], 'h');
  std::free(data);
}

TEST(OwnedBytes, IsEmptyOnceMovedFrom) {
  OwnedBytes block = OwnedBytes::copy_of(as_bytes("hello"));
  const OwnedBytes taken = std::move(block);
  EXPECT_EQ(taken.size(), 5U);
  EXPECT_TRUE(block.empty()) << "its size outlives its memory";
  EXPECT_EQ(block.data(), nullptr);
}

struct Node : ListLink {};

std::size_t length(const ListLink& list) {
  std::size_t count = 0;
  for (const ListLink* at = list.next; at != &list; at = at->next) {
    EXPECT_EQ(at->next->prev, at);
    ++count;
  }
  return count;
}

TEST(ListLink, KeepsOrderThroughUnlinkAndTakeAll) {
  ListLink list;
  ListLink other;
  Node a, b, c, d;
  EXPECT_TRUE(list.empty());
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  other.push_back(d);
  b.unlink();
  b.unlink();  // alone it is a list of itself
  EXPECT_EQ(length(list), 2U);
  list.take_all(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(list.next, &a);
  EXPECT_EQ(a.next, &c);
  EXPECT_EQ(c.next, &d);
  EXPECT_EQ(length(list), 3U);
  list.take_all(other);
  EXPECT_EQ(length(list), 3U);
  other.take_all(list);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(length(other), 3U);
}

TEST(SameText, DiffersWhereOneByteDoesForEachLength) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string text(size, 'a');
    EXPECT_TRUE(same_text(text, std::string(size, 'a'))) << size;
    EXPECT_FALSE(same_text(text, text + 'a')) << size;
    EXPECT_FALSE(same_text(text + 'a', text)) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'b';
      EXPECT_FALSE(same_text(text, other)) << size << " at " << at;
    }
  }
  EXPECT_TRUE(same_text({}, {}));
}

}  // namespace
}  // namespace rocket
