#include "h2/hpack_decoder.h"

#include "h2/huffman.h"

namespace rocket::h2 {

const char* name_of(HpackError error) {
  switch (error) {
    case HpackError::kNone: return "none";
    case HpackError::kTruncated: return "truncated";
    case HpackError::kBadInteger: return "bad_integer";
    case HpackError::kBadIndex: return "bad_index";
    case HpackError::kBadHuffman: return "bad_huffman";
    case HpackError::kBadTableSize: return "bad_table_size";
    case HpackError::kLateTableSize: return "late_table_size";
    case HpackError::kNoMemory: return "no_memory";
    case HpackError::kStopped: return "stopped";
  }
  return "";
}

/// Adds the bytes that follow a prefix of ones (RFC 7541, 5.1).
HpackError HpackDecoder::read_rest(Cursor& in, std::uint32_t& value) {
  for (int shift = 0; shift <= 28; shift += 7) {
    if (in.at == in.end) return HpackError::kTruncated;
    const std::uint8_t byte = *in.at++;
    const std::uint64_t sum = value + (static_cast<std::uint64_t>(byte & 0x7f) << shift);
    if (sum > 0xffffffff) return HpackError::kBadInteger;
    value = static_cast<std::uint32_t>(sum);
    if ((byte & 0x80) == 0) return HpackError::kNone;
  }
  return HpackError::kBadInteger;
}

/// An integer whose prefix is the bits of `mask`. There is a byte at least.
HpackError HpackDecoder::read_integer(Cursor& in, std::uint8_t mask, std::uint32_t& value) {
  value = *in.at++ & mask;
  return value == mask ? read_rest(in, value) : HpackError::kNone;
}

HpackError HpackDecoder::read_string(Cursor& in, HpackScratch& scratch, std::string_view& out) {
  if (in.at == in.end) return HpackError::kTruncated;
  const bool huffman = (*in.at & 0x80) != 0;
  std::uint32_t size = 0;
  if (const auto error = read_integer(in, 0x7f, size); error != HpackError::kNone) return error;
  if (size > in.left()) return HpackError::kTruncated;
  const ByteSpan bytes(in.at, size);
  if (!huffman) {
    in.at += size;
    out = as_text(bytes);
    return HpackError::kNone;
  }
  if (in.scratch == nullptr) in.scratch = scratch.room(2 * in.left() + 16);
  if (in.scratch == nullptr) return HpackError::kNoMemory;
  static_assert(huffman_decoded_bound(1) <= 2 * 1 + 16 && huffman_decoded_bound(1000) <= 2 * 1000);
  const auto decoded = decode_huffman(bytes, in.scratch);
  if (!decoded) return HpackError::kBadHuffman;
  in.at += size;
  out = as_text({in.scratch, *decoded});
  in.scratch += *decoded;
  return HpackError::kNone;
}

HpackError HpackDecoder::read_literal(Cursor& in, HpackScratch& scratch, Field& out) {
  const std::uint8_t first = *in.at;
  const bool indexed = (first & 0x40) != 0;
  std::uint32_t index = 0;
  if (const auto error = read_integer(in, indexed ? 0x3f : 0x0f, index); error != HpackError::kNone) return error;
  if (index == 0) {
    if (const auto error = read_string(in, scratch, out.name); error != HpackError::kNone) return error;
    out.tag = tag_of_name(out.name, tag_of_);
  } else if (!get(index, out)) {
    return HpackError::kBadIndex;
  }
  if (const auto error = read_string(in, scratch, out.value); error != HpackError::kNone) return error;
  out.good_value = is_good_value(out.value);
  out.never_index = (first & 0xf0) == 0x10;
  if (indexed && table_.insert(out) == DynamicTable::Inserted::kNoMemory) return HpackError::kNoMemory;
  return HpackError::kNone;
}

HpackError HpackDecoder::change_size(Cursor& in) {
  std::uint32_t size = 0;
  if (const auto error = read_integer(in, 0x1f, size); error != HpackError::kNone) return error;
  if (size > DynamicTable::kMaxBytes) return HpackError::kBadTableSize;
  table_.resize(size);
  return HpackError::kNone;
}

}  // namespace rocket::h2
