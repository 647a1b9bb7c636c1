#include "grpc/inflate.h"

#include <array>
#include <span>

namespace rocket::grpc {

namespace {

constexpr int kMostCodeBits = 15;
constexpr std::size_t kMostSymbols = 288;
constexpr std::size_t kLengthCodes = 29;
constexpr std::size_t kDistanceCodes = 30;
constexpr int kEndOfBlock = 256;

// RFC 1951, 3.2.5: the first length or distance of each code, and the bits that are added to it.
constexpr std::array<std::uint16_t, kLengthCodes> kLengthBase = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, kLengthCodes> kLengthBits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                                2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, kDistanceCodes> kDistanceBase = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
/// In which order a block says the lengths of the codes of code lengths.
constexpr std::array<std::uint8_t, 19> kLengthOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                       11, 4,  12, 3, 13, 2, 14, 1, 15};

/// Bits, the lowest of each byte first. Past the end there are none, and it has failed.
class BitReader {
 public:
  explicit BitReader(ByteSpan bytes) : bytes_(bytes) {}

  int bits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      if (at_ >= 8 * bytes_.size()) {
        failed_ = true;
        return 0;
      }
      value |= (bytes_[at_ / 8] >> (at_ % 8) & 1) << i;
      ++at_;
    }
    return value;
  }
  void to_byte() { at_ = (at_ + 7) / 8 * 8; }
  ByteSpan rest() const { return bytes_.subspan(at_ / 8); }
  bool failed() const { return failed_; }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

/// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
class HuffmanCode {
 public:
  /// False: more codes than there can be.
  bool build(std::span<const std::uint8_t> lengths) {
    count_.fill(0);
    for (const auto length : lengths) ++count_[length];
    count_[0] = 0;
    int left = 1;
    std::array<std::uint16_t, kMostCodeBits + 1> next{};
    for (int bits = 1; bits <= kMostCodeBits; ++bits) {
      left = 2 * left - count_[static_cast<std::size_t>(bits)];
      if (left < 0) return false;
      next[static_cast<std::size_t>(bits)] = static_cast<std::uint16_t>(next[static_cast<std::size_t>(bits) - 1] +
                                                                        count_[static_cast<std::size_t>(bits) - 1]);
    }
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] > 0) symbols_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
    }
    return true;
  }
  /// -1: no such code.
  int symbol(BitReader& in) const {
    int code = 0;
    int first = 0;
    int index = 0;
    for (std::size_t bits = 1; bits <= kMostCodeBits; ++bits) {
      code |= in.bits(1);
      if (in.failed()) return -1;
      const int count = count_[bits];
      if (code - first < count) return symbols_[static_cast<std::size_t>(index + code - first)];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }

 private:
  std::array<std::uint16_t, kMostCodeBits + 1> count_{};
  std::array<std::uint16_t, kMostSymbols> symbols_{};
};

Inflated take_stored(BitReader& in, std::size_t most, std::string& out) {
  in.to_byte();
  const int length = in.bits(16);
  if (in.bits(16) != (length ^ 0xffff) || in.failed()) return Inflated::kCorrupt;
  for (int i = 0; i < length; ++i) {
    const int byte = in.bits(8);
    if (in.failed()) return Inflated::kCorrupt;
    if (out.size() == most) return Inflated::kTooLarge;
    out += static_cast<char>(byte);
  }
  return Inflated::kWhole;
}

bool read_codes(BitReader& in, HuffmanCode& literals, HuffmanCode& distances) {
  const auto literal_count = static_cast<std::size_t>(in.bits(5)) + 257;
  const auto distance_count = static_cast<std::size_t>(in.bits(5)) + 1;
  const int length_count = in.bits(4) + 4;
  if (literal_count > 286 || distance_count > kDistanceCodes) return false;
  std::array<std::uint8_t, 19> of_lengths{};
  for (int i = 0; i < length_count; ++i) {
    of_lengths[kLengthOrder[static_cast<std::size_t>(i)]] = static_cast<std::uint8_t>(in.bits(3));
  }
  HuffmanCode code;
  if (in.failed() || !code.build(of_lengths)) return false;
  std::array<std::uint8_t, 286 + kDistanceCodes> lengths{};
  const std::size_t all = literal_count + distance_count;
  for (std::size_t at = 0; at < all;) {
    const int symbol = code.symbol(in);
    if (symbol < 0) return false;
    if (symbol < 16) {
      lengths[at++] = static_cast<std::uint8_t>(symbol);
      continue;
    }
    if (symbol == 16 && at == 0) return false;
    const std::uint8_t length = symbol == 16 ? lengths[at - 1] : 0;
    const int times = symbol == 16 ? 3 + in.bits(2) : symbol == 17 ? 3 + in.bits(3) : 11 + in.bits(7);
    if (in.failed() || at + static_cast<std::size_t>(times) > all) return false;
    for (int i = 0; i < times; ++i) lengths[at++] = length;
  }
  const std::span<const std::uint8_t> both(lengths);
  return literals.build(both.first(literal_count)) && distances.build(both.subspan(literal_count, distance_count));
}

void fixed_codes(HuffmanCode& literals, HuffmanCode& distances) {
  std::array<std::uint8_t, kMostSymbols> lengths{};
  for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  literals.build(lengths);
  std::array<std::uint8_t, kDistanceCodes> five{};
  five.fill(5);
  distances.build(five);
}

Inflated take_codes(BitReader& in, const HuffmanCode& literals, const HuffmanCode& distances, std::size_t most,
                    std::string& out) {
  while (true) {
    const int symbol = literals.symbol(in);
    if (symbol == kEndOfBlock) return Inflated::kWhole;
    if (symbol < 0) return Inflated::kCorrupt;
    if (symbol < kEndOfBlock) {
      if (out.size() == most) return Inflated::kTooLarge;
      out += static_cast<char>(symbol);
      continue;
    }
    const auto length_code = static_cast<std::size_t>(symbol - kEndOfBlock - 1);
    if (length_code >= kLengthCodes) return Inflated::kCorrupt;
    const auto length = static_cast<std::size_t>(kLengthBase[length_code] + in.bits(kLengthBits[length_code]));
    const int distance_code = distances.symbol(in);
    if (distance_code < 0) return Inflated::kCorrupt;
    const int distance_bits = distance_code < 2 ? 0 : distance_code / 2 - 1;
    const auto distance =
        static_cast<std::size_t>(kDistanceBase[static_cast<std::size_t>(distance_code)] + in.bits(distance_bits));
    if (in.failed() || distance > out.size()) return Inflated::kCorrupt;
    if (out.size() + length > most) return Inflated::kTooLarge;
    for (std::size_t i = 0; i < length; ++i) out += out[out.size() - distance];
  }
}

Inflated take_blocks(BitReader& in, std::size_t most, std::string& out) {
  while (true) {
    const bool last = in.bits(1) == 1;
    const int type = in.bits(2);
    Inflated taken = Inflated::kCorrupt;
    HuffmanCode literals;
    HuffmanCode distances;
    if (in.failed()) return taken;
    if (type == 0) {
      taken = take_stored(in, most, out);
    } else if (type == 1) {
      fixed_codes(literals, distances);
      taken = take_codes(in, literals, distances, most, out);
    } else if (type == 2 && read_codes(in, literals, distances)) {
      taken = take_codes(in, literals, distances, most, out);
    }
    if (last || taken != Inflated::kWhole) return taken;
  }
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char each : bytes) {
    crc ^= static_cast<std::uint8_t>(each);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc;
}

std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t low = 1;
  std::uint32_t high = 0;
  for (const char each : bytes) {
    low = (low + static_cast<std::uint8_t>(each)) % 65521;
    high = (high + low) % 65521;
  }
  return high << 16 | low;
}

std::uint32_t load_le32(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(at[0] | at[1] << 8 | at[2] << 16) | static_cast<std::uint32_t>(at[3]) << 24;
}

/// The bytes of gzip's header; 0: it is none.
std::size_t gzip_header_bytes(ByteSpan in) {
  constexpr std::size_t kFixed = 10;
  if (in.size() < kFixed || in[0] != 0x1f || in[1] != 0x8b || in[2] != 8 || (in[3] & 0xe0) != 0) return 0;
  const int flags = in[3];
  std::size_t at = kFixed;
  if ((flags & 4) != 0) {
    if (in.size() < at + 2) return 0;
    at += 2 + static_cast<std::size_t>(in[at] | in[at + 1] << 8);
  }
  for (const int text : {8, 16}) {
    if ((flags & text) == 0) continue;
    while (at < in.size() && in[at] != 0) ++at;
    ++at;
  }
  if ((flags & 2) != 0) at += 2;
  return at <= in.size() ? at : 0;
}

std::size_t zlib_header_bytes(ByteSpan in) {
  const bool good = in.size() >= 2 && (in[0] & 0x0f) == 8 && (in[0] << 8 | in[1]) % 31 == 0 && (in[1] & 0x20) == 0;
  return good ? 2 : 0;
}

}  // namespace

Inflated inflate(ByteSpan message, Encoding encoding, std::size_t most, std::string& out) {
  out.clear();
  const bool is_gzip = encoding == Encoding::kGzip;
  const std::size_t header = is_gzip ? gzip_header_bytes(message) : zlib_header_bytes(message);
  if (header == 0) return Inflated::kCorrupt;
  BitReader in(message.subspan(header));
  const Inflated taken = take_blocks(in, most, out);
  if (taken != Inflated::kWhole) return taken;
  in.to_byte();
  const ByteSpan check = in.rest();
  if (is_gzip) {
    const bool good = check.size() == 8 && load_le32(check.data()) == crc32(out) &&
                      load_le32(check.data() + 4) == static_cast<std::uint32_t>(out.size());
    return good ? Inflated::kWhole : Inflated::kCorrupt;
  }
  return check.size() == 4 && load_be32(check.data()) == adler32(out) ? Inflated::kWhole : Inflated::kCorrupt;
}

}  // namespace rocket::grpc
