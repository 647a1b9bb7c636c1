#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/thread_check.h"
#include "discovery/service_cache.h"

namespace rocket::addon {

/// One JavaScript environment's subscriptions to the services that all environments share. Every method runs on the
/// JavaScript thread.
///
/// News from other threads marks a subscription and wakes JavaScript once, so nothing queues up. Teardown: a
/// synchronous environment cleanup hook ends the subscriptions, after which no thread touches this object or its
/// ThreadSafeFunction; the lead thereby passes to another environment.
class ServiceCacheBinding final : public Napi::ObjectWrap<ServiceCacheBinding> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ServiceCacheBinding(const Napi::CallbackInfo& info);
  ~ServiceCacheBinding() override;

 private:
  struct Subscription final : discovery::Subscriber {
    Subscription(ServiceCacheBinding& owner, std::string key) : owner(owner), key(std::move(key)) {}
    // any thread:
    void on_changed() override;
    void on_lead() override;

    ServiceCacheBinding& owner;
    const std::string key;
    std::atomic<bool> changed{false};
    std::atomic<bool> leads{false};
  };

  static void on_wake_up(napi_env env, napi_value callback, void* context, void* data);
  static void on_env_cleanup(void* self);
  void shut_down();
  // any thread:
  void wake();

  Napi::Value subscribe(const Napi::CallbackInfo& info);
  Napi::Value unsubscribe(const Napi::CallbackInfo& info);
  Napi::Value publish(const Napi::CallbackInfo& info);
  Napi::Value snapshot(const Napi::CallbackInfo& info);

  [[no_unique_address]] JsThread js_thread_;
  discovery::ServiceCache& cache_;
  napi_threadsafe_function function_ = nullptr;
  std::atomic<bool> awake_{false};
  std::unordered_map<std::uint32_t, std::unique_ptr<Subscription>> subscriptions_;
  std::uint32_t next_number_ = 1;
  bool closed_ = false;
};

}  // namespace rocket::addon
