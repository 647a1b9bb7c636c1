#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "grpc/encoding.h"

struct z_stream_s;

namespace rocket::grpc {

/// The functions of zlib that inflate() uses.
struct Zlib {
  int (*init)(z_stream_s*, int window_bits, const char* version, int stream_bytes);
  int (*inflate)(z_stream_s*, int flush);
  int (*reset)(z_stream_s*);
  int (*end)(z_stream_s*);
};
/// The zlib of the process: Node.js exports its own. Null: there is none.
const Zlib* zlib_of_process();

enum class Inflated : std::uint8_t {
  kWhole,
  kCorrupt,
  kTooLarge,
  kNoMemory,
  kUnavailable,  ///< there is no zlib, or one of another ABI
};

/// Decompresses the message of a call that is answered natively (gzip, RFC 1952; zlib, RFC 1950) into `out`, which has
/// at most `most` bytes then. A compressed message that is too long counts as too large, even if its contents might
/// fit.
Inflated inflate(const Zlib* zlib, ByteSpan message, Encoding encoding, std::size_t most, std::string& out);

}  // namespace rocket::grpc
