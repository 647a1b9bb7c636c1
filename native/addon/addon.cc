#include <dlfcn.h>
#include <napi.h>

#include "environment.h"
#include "log_binding.h"
#include "rpc/event.h"
#include "rpc/outbox.h"
#include "rpc/status.h"
#include "service_cache_binding.h"

namespace rocket::addon {

namespace {

/// The numbers of the layout as C++ has them; lib/addon/binary.ts compares them with its own when it loads the binary.
Napi::Object layout(Napi::Env env) {
  auto numbers = Napi::Object::New(env);
  numbers.Set("eventWords", static_cast<double>(rpc::kEventWords));
  numbers.Set("commandWords", static_cast<double>(rpc::kCommandWords));
  numbers.Set("lastEventKind", static_cast<double>(rpc::EventKind::kRoom));
  numbers.Set("lastEventFlag", static_cast<double>(rpc::event_flag::kCompressed));
  numbers.Set("lastCommandKind", static_cast<double>(rpc::CommandKind::kTaken));
  numbers.Set("stringWords", static_cast<double>(rpc::Inbox::kStringWords));
  numbers.Set("largePayloadBytes", static_cast<double>(rpc::Inbox::kLargePayloadBytes));
  numbers.Set("headPlaceBits", static_cast<double>(rpc::Inbox::kHeadPlaceBits));
  numbers.Set("slotBits", static_cast<double>(rpc::CallId::kSlotBits));
  numbers.Set("lastStatusReason", static_cast<double>(rpc::Reason::kPeerGone));
  numbers.Set("refusedStatus", static_cast<double>(rpc::Status::kRefusedBit));
  numbers.Set("logControlBytes", static_cast<double>(log::Buffer::kControlBytes));
  return numbers;
}

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
  exports.Set("layout", layout(env));
  return exports;
}

}  // namespace

}  // namespace rocket::addon

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return rocket::addon::init(env, exports); }

NODE_API_MODULE(rocket, init_addon)
