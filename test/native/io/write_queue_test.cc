#include "io/write_queue.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace rocket::io {
namespace {

std::string gathered(const WriteQueue& queue, std::size_t most = 4096) {
  std::vector<iovec> parts(most);
  const std::size_t count = queue.gather(parts.data(), most);
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return all;
}

std::string some_text(std::mt19937& random, std::size_t most) {
  std::string text(1 + random() % most, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

void append(WriteQueue& queue, const std::string& text) {
  std::copy(text.begin(), text.end(), queue.append(text.size()));
}

TEST(WriteQueue, BehavesLikeAString) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    ChunkPool pool;
    WriteQueue queue(pool);
    std::string model;
    std::mt19937 random(seed);
    for (int step = 0; step < 1000; ++step) {
      switch (random() % 6) {
        case 0:
        case 1: {
          const std::string text = some_text(random, 300);
          append(queue, text);
          model += text;
          break;
        }
        case 2: {
          const std::string text = some_text(random, 12'000);  // some over a chunk
          append(queue, text);
          model += text;
          break;
        }
        case 3: {
          const std::string text = some_text(random, 2000);
          queue.append_block(OwnedBytes::copy_of(as_bytes(text)));
          model += text;
          break;
        }
        case 4: {
          const std::string text = some_text(random, 100);
          queue.prepend(as_bytes(text));
          model = text + model;
          break;
        }
        case 5: {
          const std::size_t written = random() % 2 == 0 ? model.size() : random() % (model.size() + 1);
          queue.consume(written);
          model.erase(0, written);
          break;
        }
      }
      ASSERT_EQ(queue.bytes(), model.size());
      ASSERT_EQ(queue.empty(), model.empty());
      ASSERT_TRUE(step % 16 != 0 || gathered(queue, 8192) == model) << "seed " << seed << " step " << step;
    }
  }
}

TEST(WriteQueue, GathersNoMoreThanAsked) {
  ChunkPool pool;
  WriteQueue queue(pool);
  for (int i = 0; i < 10; ++i) queue.append_block(OwnedBytes::copy_of(as_bytes(std::to_string(i))));
  EXPECT_EQ(gathered(queue, 3), "012");
  queue.append_block(OwnedBytes());
  EXPECT_EQ(gathered(queue), "0123456789");
}

TEST(WriteQueue, DeadPiecesAreCompacted) {
  ChunkPool pool;
  WriteQueue queue(pool);
  // Never empty, as with a reader that always lags a little.
  std::string model;
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = std::to_string(i) + ',';
    queue.append_block(OwnedBytes::copy_of(as_bytes(text)));
    model += text;
    if (model.size() > 300) {
      queue.consume(text.size());
      model.erase(0, text.size());
    }
  }
  EXPECT_EQ(gathered(queue), model);
}

TEST(WriteQueue, GivesItsChunksBackToTheirPool) {
  ChunkPool pool;
  {
    WriteQueue queue(pool);
    append(queue, std::string(100, 'x'));
    append(queue, std::string(100, 'y'));
    EXPECT_EQ(gathered(queue), std::string(100, 'x') + std::string(100, 'y'));
    queue.consume(200);
    EXPECT_EQ(pool.kept_bytes(), ChunkPool::kChunkBytes);
    append(queue, std::string(100, 'z'));
    EXPECT_EQ(pool.kept_bytes(), 0U);
    append(queue, std::string(ChunkPool::kChunkBytes + 1, 'w'));  // a block of its own
  }
  EXPECT_EQ(pool.kept_bytes(), ChunkPool::kChunkBytes);
}

TEST(ChunkPool, KeepsABoundedNumber) {
  ChunkPool pool;
  for (int i = 0; i < 1000; ++i) pool.give(OwnedBytes(ChunkPool::kChunkBytes));
  EXPECT_LE(pool.kept_bytes(), 128 * ChunkPool::kChunkBytes);
}

}  // namespace
}  // namespace rocket::io
