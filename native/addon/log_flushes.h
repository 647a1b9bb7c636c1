#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_check.h"
#include "log/logger.h"

namespace rocket::addon {

/// The promises of flush() of one environment's access to a log. No thread waits for them: the log's own threads report
/// when one is done, and the environment's event loop is kept alive until then.
///
/// The ThreadSafeFunction and callbacks in the log share its ownership, so that a late report finds a closed object.
class LogFlushes final : public std::enable_shared_from_this<LogFlushes> {
 public:
  // js thread:
  static std::shared_ptr<LogFlushes> create(Napi::Env env);
  Napi::Promise start(Napi::Env env, log::Logger& logger, Millis most, bool sync);
  /// In a cleanup hook that was added after create(): afterwards the ThreadSafeFunction is not touched.
  void on_env_cleanup();
  /// No further flush will be started.
  void release();

 private:
  static void on_wake_up(napi_env env, napi_value callback, void* context, void* data);
  /// any thread:
  void done(std::uint32_t number, bool flushed);
  void settle(Napi::Env env);

  [[no_unique_address]] JsThread js_thread_;
  std::mutex mutex_;
  napi_threadsafe_function wake_up_ = nullptr;        // guarded by mutex_; null: closed
  std::vector<std::pair<std::uint32_t, bool>> done_;  // guarded by mutex_
  // The JavaScript thread's:
  std::unordered_map<std::uint32_t, Napi::Promise::Deferred> pending_;
  std::uint32_t next_ = 0;
  bool released_ = false;
};

}  // namespace rocket::addon
