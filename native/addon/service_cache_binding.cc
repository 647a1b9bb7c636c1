#include "service_cache_binding.h"

#include "convert.h"

namespace rocket::addon {

Napi::Function ServiceCacheBinding::define(Napi::Env env) {
  return DefineClass(env, "ServiceCache",
                     {
                         InstanceMethod<&ServiceCacheBinding::subscribe>("subscribe"),
                         InstanceMethod<&ServiceCacheBinding::unsubscribe>("unsubscribe"),
                         InstanceMethod<&ServiceCacheBinding::publish>("publish"),
                         InstanceMethod<&ServiceCacheBinding::snapshot>("snapshot"),
                     });
}

// js thread: new ServiceCache(onEvents)
ServiceCacheBinding::ServiceCacheBinding(const Napi::CallbackInfo& info)
    : ObjectWrap(info), cache_(discovery::ServiceCache::shared()) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto name = Napi::String::New(info.Env(), "rocket-rpc services");
  const napi_status made = napi_create_threadsafe_function(info.Env(), info[0], nullptr, name, 0, 1, nullptr, nullptr,
                                                           this, &ServiceCacheBinding::on_wake_up, &function_);
  if (made != napi_ok) throw Napi::Error::New(info.Env());
  napi_unref_threadsafe_function(info.Env(), function_);
  // Added after the function's own hook, so it runs before it.
  napi_add_env_cleanup_hook(info.Env(), &ServiceCacheBinding::on_env_cleanup, this);
  Ref();
}

ServiceCacheBinding::~ServiceCacheBinding() { shut_down(); }

void ServiceCacheBinding::on_env_cleanup(void* self) { static_cast<ServiceCacheBinding*>(self)->shut_down(); }

void ServiceCacheBinding::shut_down() {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_) return;
  closed_ = true;
  for (const auto& [number, subscription] : subscriptions_) cache_.unsubscribe(subscription->key, *subscription);
  subscriptions_.clear();
}

// any thread, under the cache's mutex:
void ServiceCacheBinding::Subscription::on_changed() {
  changed.store(true, std::memory_order_release);
  owner.wake();
}

void ServiceCacheBinding::Subscription::on_lead() {
  leads.store(true, std::memory_order_release);
  owner.wake();
}

void ServiceCacheBinding::wake() {
  if (!awake_.exchange(true, std::memory_order_acq_rel))
    napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

// js thread: some subscription is marked.
void ServiceCacheBinding::on_wake_up(napi_env env, napi_value callback, void* context, void*) {
  auto* self = static_cast<ServiceCacheBinding*>(context);
  ROCKET_ON_JS_THREAD(self->js_thread_);
  if (env == nullptr || self->closed_) return;
  // Before the marks are checked: a mark set meanwhile wakes again.
  self->awake_.exchange(false, std::memory_order_acq_rel);
  const Napi::HandleScope scope(env);
  auto changed = Napi::Array::New(env);
  auto leads = Napi::Array::New(env);
  for (const auto& [number, subscription] : self->subscriptions_) {
    if (subscription->leads.exchange(false, std::memory_order_acq_rel)) leads[leads.Length()] = number;
    if (subscription->changed.exchange(false, std::memory_order_acq_rel)) changed[changed.Length()] = number;
  }
  napi_value arguments[2] = {changed, leads};
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, callback, 2, arguments, nullptr);
}

// js thread: subscribe(key): number
Napi::Value ServiceCacheBinding::subscribe(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const std::uint32_t number = next_number_++;
  auto& subscription = subscriptions_[number];
  subscription = std::make_unique<Subscription>(*this, info[0].As<Napi::String>().Utf8Value());
  cache_.subscribe(subscription->key, *subscription);
  return Napi::Number::New(info.Env(), number);
}

// js thread: unsubscribe(number)
Napi::Value ServiceCacheBinding::unsubscribe(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto found = subscriptions_.find(info[0].As<Napi::Number>().Uint32Value());
  if (found != subscriptions_.end()) {
    cache_.unsubscribe(found->second->key, *found->second);
    subscriptions_.erase(found);
  }
  return info.Env().Undefined();
}

// js thread: publish(number, text): version, or 0
Napi::Value ServiceCacheBinding::publish(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto found = subscriptions_.find(info[0].As<Napi::Number>().Uint32Value());
  if (found == subscriptions_.end()) return Napi::Number::New(info.Env(), 0);
  const auto& subscription = *found->second;
  const auto version = cache_.publish(subscription.key, subscription, info[1].As<Napi::String>().Utf8Value());
  return Napi::Number::New(info.Env(), static_cast<double>(version));
}

// js thread: snapshot(number): { version, text } | undefined
Napi::Value ServiceCacheBinding::snapshot(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto found = subscriptions_.find(info[0].As<Napi::Number>().Uint32Value());
  if (found == subscriptions_.end()) return info.Env().Undefined();
  const auto snapshot = cache_.find(found->second->key);
  if (!snapshot) return info.Env().Undefined();
  auto result = Napi::Object::New(info.Env());
  put(result, "version", snapshot->version);
  result.Set("text", Napi::String::New(info.Env(), snapshot->text));
  return result;
}

}  // namespace rocket::addon
