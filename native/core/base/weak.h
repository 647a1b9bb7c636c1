#pragma once

/// For functions that Node.js exports and this library neither ships nor links: the binary then also loads where there
/// are none. Their addresses have to be looked at before they are called.
#if defined(__APPLE__)
#define ROCKET_WEAK __attribute__((weak_import))
#else
#define ROCKET_WEAK __attribute__((weak))
#endif
