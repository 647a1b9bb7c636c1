#include "log_flushes.h"

namespace rocket::addon {

std::shared_ptr<LogFlushes> LogFlushes::create(Napi::Env env) {
  const auto flushes = std::make_shared<LogFlushes>();
  auto* const held = new std::shared_ptr<LogFlushes>(flushes);
  const napi_status made = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "rocket-rpc log"), 0, 1, held,
      [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<LogFlushes>*>(data); }, flushes.get(),
      &LogFlushes::on_wake_up, &flushes->wake_up_);
  if (made != napi_ok) {
    delete held;
    throw Napi::Error::New(env);
  }
  napi_unref_threadsafe_function(env, flushes->wake_up_);
  return flushes;
}

Napi::Promise LogFlushes::start(Napi::Env env, log::Logger& logger, Millis most, bool sync) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto deferred = Napi::Promise::Deferred::New(env);
  const std::uint32_t number = next_++;
  {
    const std::lock_guard lock(mutex_);
    if (wake_up_ == nullptr) {
      deferred.Resolve(Napi::Boolean::New(env, false));
      return deferred.Promise();
    }
    if (pending_.empty()) napi_ref_threadsafe_function(env, wake_up_);
  }
  pending_.emplace(number, deferred);
  logger.flush_then(most, sync, [self = shared_from_this(), number](bool flushed) { self->done(number, flushed); });
  return deferred.Promise();
}

void LogFlushes::done(std::uint32_t number, bool flushed) {
  const std::lock_guard lock(mutex_);
  if (wake_up_ == nullptr) return;
  done_.emplace_back(number, flushed);
  if (done_.size() == 1) napi_call_threadsafe_function(wake_up_, nullptr, napi_tsfn_nonblocking);
}

// js thread:
void LogFlushes::on_wake_up(napi_env env, napi_value, void* context, void*) {
  if (env != nullptr) static_cast<LogFlushes*>(context)->settle(env);
}

void LogFlushes::settle(Napi::Env env) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const Napi::HandleScope scope(env);
  std::vector<std::pair<std::uint32_t, bool>> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (const auto& [number, flushed] : done) {
    const auto found = pending_.find(number);
    found->second.Resolve(Napi::Boolean::New(env, flushed));
    pending_.erase(found);
  }
  if (!pending_.empty() || done.empty()) return;
  const std::lock_guard lock(mutex_);
  if (wake_up_ == nullptr) return;
  napi_unref_threadsafe_function(env, wake_up_);
  if (released_) napi_release_threadsafe_function(std::exchange(wake_up_, nullptr), napi_tsfn_release);
}

void LogFlushes::on_env_cleanup() {
  ROCKET_ON_JS_THREAD(js_thread_);
  const std::lock_guard lock(mutex_);
  wake_up_ = nullptr;
}

void LogFlushes::release() {
  ROCKET_ON_JS_THREAD(js_thread_);
  const std::lock_guard lock(mutex_);
  released_ = true;
  if (wake_up_ == nullptr || !pending_.empty()) return;
  napi_release_threadsafe_function(std::exchange(wake_up_, nullptr), napi_tsfn_release);
}

}  // namespace rocket::addon
