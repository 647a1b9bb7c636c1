#include "tinypb/crc32c.h"

#include <array>

namespace rocket::tinypb {

namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected 0x1EDC6F41

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}
constexpr auto kTable = make_table();

using Crc = std::uint32_t (*)(ByteSpan, std::uint32_t);

#if defined(__x86_64__)
__attribute__((target("sse4.2,crc32"))) std::uint32_t crc32c_hardware(ByteSpan bytes, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = __builtin_ia32_crc32di(state, word);
  }
  auto tail = static_cast<std::uint32_t>(state);
  for (; left > 0; ++at, --left) tail = __builtin_ia32_crc32qi(tail, *at);
  return ~tail;
}
Crc choose() { return __builtin_cpu_supports("sse4.2") ? crc32c_hardware : crc32c_portable; }
#else
Crc choose() { return crc32c_portable; }
#endif

}  // namespace

std::uint32_t crc32c_portable(ByteSpan bytes, std::uint32_t crc) {
  std::uint32_t state = ~crc;
  for (const std::uint8_t byte : bytes) state = (state >> 8) ^ kTable[(state ^ byte) & 0xff];
  return ~state;
}

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t crc) {
  static const Crc chosen = choose();
  return chosen(bytes, crc);
}

}  // namespace rocket::tinypb
