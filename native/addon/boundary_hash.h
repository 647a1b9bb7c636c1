// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.
#pragma once

#include <cstdint>

namespace rocket::addon {

/// Compared with that of JavaScript when the binary is loaded.
inline constexpr std::uint32_t kBoundaryHash = 83'631'955;

}  // namespace rocket::addon
