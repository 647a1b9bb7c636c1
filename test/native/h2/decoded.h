#pragma once

#include <string>
#include <vector>

#include "h2/hpack_decoder.h"
#include "support/hex.h"

namespace rocket::test {

/// What a block decodes to: one `name: value` a field, behind `!` if it must not be indexed.
struct Decoded {
  h2::HpackError error = h2::HpackError::kNone;
  std::vector<std::string> fields;
};

inline Decoded decode(h2::HpackDecoder& decoder, const Bytes& block) {
  static h2::HpackScratch scratch;
  Decoded decoded;
  // A copy of exactly its size, so that AddressSanitizer sees the first byte read past it.
  const Bytes exact(block);
  decoded.error = decoder.decode(exact, scratch, [&](const h2::Field& field) {
    decoded.fields.push_back((field.never_index ? "!" : "") + std::string(field.name) + ": " +
                             std::string(field.value));
    return true;
  });
  return decoded;
}

}  // namespace rocket::test
