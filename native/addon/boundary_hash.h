// Made by `npm run boundary` from scripts/boundary/description.ts; do not edit.
#pragma once

#include <cstdint>

namespace rocket::addon {

/// Compared with that of JavaScript when the binary is loaded.
inline constexpr std::uint32_t kBoundaryHash = 887'831'009;

}  // namespace rocket::addon
