#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "grpc/encoding.h"

struct z_stream_s;

namespace rocket::grpc {

/// What inflate() needs of zlib.
struct Zlib {
  int (*init)(z_stream_s*, int window_bits, const char* version, int stream_bytes);
  int (*inflate)(z_stream_s*, int flush);
  int (*reset)(z_stream_s*);
  int (*end)(z_stream_s*);
};
/// As the process has it: Node.js exports its own. Null: it has none.
const Zlib* zlib_of_process();

enum class Inflated : std::uint8_t {
  kWhole,
  kCorrupt,
  kTooLarge,
  kNoMemory,
  kUnavailable,  ///< there is no zlib, or one of another ABI
};

/// Decompresses the message of a call that is answered natively (gzip, RFC 1952; zlib, RFC 1950) into `out`, which then
/// has at most `most` bytes. A message that is long itself is too large, whatever it may become.
Inflated inflate(const Zlib* zlib, ByteSpan message, Encoding encoding, std::size_t most, std::string& out);

}  // namespace rocket::grpc
