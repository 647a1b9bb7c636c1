#include <dlfcn.h>
#include <napi.h>

#include "boundary_hash.h"
#include "environment.h"
#include "log_binding.h"
#include "service_cache_binding.h"
#include "tls_binding.h"

namespace rocket::addon {

namespace {

/// Node.js unloads an addon with the last environment that uses it, for example a worker thread; the code of signal
/// handlers, and of threads blocked by the disk, would be gone.
void stay_loaded() {
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&stay_loaded), &here) != 0)
    dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  exports.Set("Environment", Environment::define(env));
  exports.Set("ServiceCache", ServiceCacheBinding::define(env));
  exports.Set("Log", LogBinding::define(env));
  exports.Set("TlsContext", TlsBinding::define(env));
  // lib/addon/binary.ts compares it with its own when it loads the binary.
  exports.Set("boundaryHash", static_cast<double>(kBoundaryHash));
  return exports;
}

}  // namespace

}  // namespace rocket::addon

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return rocket::addon::init(env, exports); }

NODE_API_MODULE(rocket, init_addon)
