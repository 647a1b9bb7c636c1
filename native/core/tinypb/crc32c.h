#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace rocket::tinypb {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, continuing from `crc` (0 to begin).
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t crc = 0);

/// The portable version, kept callable so that tests can hold the two against each other.
std::uint32_t crc32c_portable(ByteSpan bytes, std::uint32_t crc = 0);

}  // namespace rocket::tinypb
