#pragma once

#include <cstdint>
#include <string_view>

#include "rpc/boundary.h"

namespace rocket::grpc {

/// The `grpc-encoding` of one direction of a call. JavaScript decompresses the messages.
enum class Encoding : std::uint8_t {
  kIdentity,  ///< also without the header: no message may be compressed
  kGzip,
  kDeflate,  ///< the format of zlib
  kUnknown,
};

Encoding encoding_of(std::string_view name);

/// Flags of the event for a compressed message; 0: JavaScript cannot read it.
constexpr std::int32_t compressed_flags(Encoding encoding) {
  switch (encoding) {
    case Encoding::kGzip: return rpc::event_flag::kCompressed;
    case Encoding::kDeflate: return rpc::event_flag::kCompressed | rpc::event_flag::kDeflate;
    default: return 0;
  }
}

/// Flags of a request's event for its `grpc-accept-encoding`.
std::int32_t accepted_flags(std::string_view list);

/// For a peer whose encoding is unknown, in the NUL form.
inline constexpr std::string_view kAcceptEncoding{"\0grpc-accept-encoding\0identity,deflate,gzip\0", 44};
/// The same where nothing can be decompressed.
inline constexpr std::string_view kAcceptIdentity{"\0grpc-accept-encoding\0identity\0", 31};

}  // namespace rocket::grpc
