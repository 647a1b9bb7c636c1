#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "grpc/encoding.h"

namespace rocket::grpc {

enum class Inflated : std::uint8_t {
  kWhole,
  kCorrupt,
  kTooLarge,
};

/// Decompresses the message of a call that is answered natively (gzip, RFC 1952; zlib, RFC 1950) into `out`, which then
/// has at most `most` bytes. For messages of a few bytes: it is small, not fast; JavaScript has Node's zlib for others.
Inflated inflate(ByteSpan message, Encoding encoding, std::size_t most, std::string& out);

}  // namespace rocket::grpc
