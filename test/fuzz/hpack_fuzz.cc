// Header blocks of one connection, for our decoder and nghttp2's: the same fields from both, or an error from both.
// The input is a row of blocks, each behind a byte that says how long it is.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "h2/hpack_decoder.h"

namespace {

using rocket::ByteSpan;
using rocket::h2::DynamicTable;
using rocket::h2::Field;
using rocket::h2::HpackDecoder;
using rocket::h2::HpackError;

void expect(bool holds) {
  if (!holds) std::abort();
}

struct Seen {
  std::string name;
  std::string value;
  bool never_index;
  bool operator==(const Seen&) const = default;
};

struct Outcome {
  bool good = true;
  std::vector<Seen> fields;
};

Outcome ours(HpackDecoder& decoder, rocket::h2::HpackScratch& scratch, ByteSpan block) {
  Outcome outcome;
  const auto error = decoder.decode(block, scratch, [&](const Field& field) {
    // What a table keeps about a field is what its bytes say.
    expect(field.tag == rocket::h2::tag_of_name(field.name, nullptr));
    expect(field.good_value == rocket::h2::is_good_value(field.value));
    outcome.fields.push_back({std::string(field.name), std::string(field.value), field.never_index});
    return true;
  });
  outcome.good = error == HpackError::kNone;
  expect(decoder.table().bytes() <= DynamicTable::kMaxBytes);
  expect(decoder.table().memory_bytes() <= 9216);
  return outcome;
}

Outcome theirs(nghttp2_hd_inflater* inflater, ByteSpan block) {
  Outcome outcome;
  for (const std::uint8_t* at = block.data();;) {
    nghttp2_nv field;
    int flags = 0;
    const auto left = static_cast<std::size_t>(block.data() + block.size() - at);
    const auto taken = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, 1);
    if (taken < 0) {
      outcome.good = false;
      return outcome;
    }
    at += taken;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      outcome.fields.push_back({std::string(reinterpret_cast<char*>(field.name), field.namelen),
                                std::string(reinterpret_cast<char*>(field.value), field.valuelen),
                                (field.flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HpackDecoder decoder;
  rocket::h2::HpackScratch scratch;
  nghttp2_hd_inflater* inflater = nullptr;
  expect(nghttp2_hd_inflate_new(&inflater) == 0);
  for (ByteSpan input(data, size); !input.empty();) {
    const std::size_t wanted = input[0];
    input = input.subspan(1);
    // The longest stands for all that is left, so that long strings are tried too.
    const std::size_t taken = wanted == 255 ? input.size() : std::min(wanted, input.size());
    // A copy of exactly the block, so that AddressSanitizer sees the first byte read past it.
    const std::vector<std::uint8_t> block(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(taken));
    input = input.subspan(taken);
    const auto mine = ours(decoder, scratch, block);
    const auto its = theirs(inflater, block);
    expect(mine.good == its.good);
    if (!mine.good) break;
    expect(mine.fields == its.fields);
    expect(decoder.table().bytes() == nghttp2_hd_inflate_get_dynamic_table_size(inflater));
  }
  nghttp2_hd_inflate_del(inflater);
  return 0;
}
