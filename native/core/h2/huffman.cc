#include "h2/huffman.h"

#include <array>
#include <cstring>

namespace rocket::h2 {

namespace {

constexpr int kSymbols = 257;
constexpr std::uint16_t kEos = 256;
constexpr int kMaxBits = 30;
/// Wide enough for two of the most common symbols; longer codes belong to bytes that are rare in header fields.
constexpr int kTableBits = 12;

/// Bits of each symbol's code (RFC 7541, appendix B). The code is canonical, so this is all of it.
constexpr std::array<std::uint8_t, kSymbols> kCodeBits = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,  //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,  //
    6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,   //
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10,  //
    13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,   //
    7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,   //
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,   //
    6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28,  //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,  //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,  //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,  //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,  //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,  //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,  //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,  //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,  //
    30};

/// Codes by length: those of `n` bits begin at first_code[n], and their symbols at symbols[first_index[n]].
struct Canonical {
  std::array<std::uint32_t, kMaxBits + 1> first_code{};
  std::array<std::uint16_t, kMaxBits + 1> first_index{};
  std::array<std::uint16_t, kMaxBits + 1> count{};
  std::array<std::uint16_t, kSymbols> symbols{};
};

constexpr Canonical make_canonical() {
  Canonical made;
  for (const auto bits : kCodeBits) ++made.count[bits];
  std::uint32_t code = 0;
  std::uint16_t index = 0;
  for (int bits = 1; bits <= kMaxBits; ++bits) {
    code <<= 1;
    made.first_code[bits] = code;
    made.first_index[bits] = index;
    code += made.count[bits];
    index = static_cast<std::uint16_t>(index + made.count[bits]);
  }
  auto next = made.first_index;
  for (std::uint16_t symbol = 0; symbol < kSymbols; ++symbol) made.symbols[next[kCodeBits[symbol]]++] = symbol;
  return made;
}

constexpr Canonical kCanonical = make_canonical();
// Complete: the last code of 30 bits is all ones, and it is EOS.
static_assert(kCanonical.first_code[kMaxBits] + kCanonical.count[kMaxBits] == 1U << kMaxBits);
static_assert(kCanonical.symbols[kSymbols - 1] == kEos);

/// What the next kTableBits bits begin with: one symbol, or two when both fit.
struct Step {
  std::uint8_t first = 0;
  std::uint8_t second = 0;
  std::uint8_t first_bits = 0;  ///< 0: the code is longer than the table is wide
  std::uint8_t bits = 0;        ///< of all symbols
};
using Steps = std::array<Step, 1 << kTableBits>;

constexpr Steps make_steps() {
  Steps steps;
  for (int bits = 1; bits <= kTableBits; ++bits) {
    for (std::uint32_t i = 0; i < kCanonical.count[bits]; ++i) {
      const auto symbol = static_cast<std::uint8_t>(kCanonical.symbols[kCanonical.first_index[bits] + i]);
      const std::uint32_t begin = (kCanonical.first_code[bits] + i) << (kTableBits - bits);
      for (std::uint32_t at = begin; at < begin + (1U << (kTableBits - bits)); ++at) {
        steps[at].first = symbol;
        steps[at].first_bits = steps[at].bits = static_cast<std::uint8_t>(bits);
      }
    }
  }
  for (std::uint32_t at = 0; at < steps.size(); ++at) {
    auto& step = steps[at];
    if (step.first_bits == 0) continue;
    const auto& rest = steps[at << step.first_bits & (steps.size() - 1)];
    if (rest.first_bits == 0 || step.first_bits + rest.first_bits > kTableBits) continue;
    step.second = rest.first;
    step.bits = static_cast<std::uint8_t>(step.first_bits + rest.first_bits);
  }
  return steps;
}

constexpr Steps kSteps = make_steps();

/// The bits that are not decoded yet, the next one at the top.
struct Bits {
  const std::uint8_t* at;
  const std::uint8_t* end;
  std::uint64_t word = 0;
  int left = 0;  ///< in `word`

  /// At least 56 afterwards, unless the input ends.
  void refill() {
    if (end - at >= 8) {
      const std::uint64_t next = static_cast<std::uint64_t>(load_be32(at)) << 32 | load_be32(at + 4);
      word |= next >> left;
      at += (63 - left) >> 3;
      left |= 56;
      return;
    }
    for (; left <= 56 && at != end; left += 8) word |= static_cast<std::uint64_t>(*at++) << (56 - left);
  }
  void drop(int bits) {
    word <<= bits;
    left -= bits;
  }
};

/// A code of more than kTableBits bits; kEos also for an incomplete one.
std::uint16_t take_long_code(Bits& in) {
  in.refill();
  for (int bits = kTableBits + 1; bits <= kMaxBits && bits <= in.left; ++bits) {
    const auto code = static_cast<std::uint32_t>(in.word >> (64 - bits));
    const std::uint32_t offset = code - kCanonical.first_code[bits];
    if (code < kCanonical.first_code[bits] || offset >= kCanonical.count[bits]) continue;
    in.drop(bits);
    return kCanonical.symbols[kCanonical.first_index[bits] + offset];
  }
  return kEos;
}

bool is_padding(const Bits& in) {
  if (in.left == 0) return true;
  return in.left <= 7 && in.word >> (64 - in.left) == (1U << in.left) - 1;
}

}  // namespace

std::optional<std::size_t> decode_huffman(ByteSpan encoded, std::uint8_t* out) {
  const std::uint8_t* const begin = out;
  Bits in{encoded.data(), encoded.data() + encoded.size()};
  for (;;) {
    in.refill();
    if (in.left < kTableBits) break;
    // Four lookups take 48 bits at most, so one refill serves them while the input lasts.
    for (int looks = 0; looks < 4 && in.left >= kTableBits; ++looks) {
      const auto& step = kSteps[in.word >> (64 - kTableBits)];
      if (step.first_bits == 0) {
        const auto symbol = take_long_code(in);
        if (symbol == kEos) return std::nullopt;
        *out++ = static_cast<std::uint8_t>(symbol);
        break;
      }
      out[0] = step.first;
      out[1] = step.second;
      out += step.bits == step.first_bits ? 1 : 2;
      in.drop(step.bits);
    }
  }
  for (;;) {
    const auto& step = kSteps[in.word >> (64 - kTableBits)];
    if (step.first_bits == 0 || step.first_bits > in.left) break;
    *out++ = step.first;
    in.drop(step.first_bits);
  }
  if (!is_padding(in)) return std::nullopt;
  return static_cast<std::size_t>(out - begin);
}

}  // namespace rocket::h2
