#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "base/thread_check.h"
#include "log/logger.h"
#include "log_flushes.h"

namespace rocket::addon {

/// A log of the process, shared by every environment that opens the same file, and the number of those environments.
struct SharedLog;

/// The memory of the buffer belongs to native code, so lines that JavaScript wrote are also gathered after terminate().
class LogBinding final : public Napi::ObjectWrap<LogBinding> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit LogBinding(const Napi::CallbackInfo& info);
  ~LogBinding() override;

  /// For native threads, which may use it after this object is destroyed.
  const std::shared_ptr<log::Logger>& logger() const { return logger_; }

 private:
  static void on_env_cleanup(void* self);
  /// The log, if no other environment has it open: it must be closed.
  std::shared_ptr<log::Logger> detach();
  void shut_down();

  Napi::Value nudge(const Napi::CallbackInfo& info);
  Napi::Value wait_for_room(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value flush_sync(const Napi::CallbackInfo& info);
  Napi::Value ask_flush(const Napi::CallbackInfo& info);
  Napi::Value wait_flush(const Napi::CallbackInfo& info);
  Napi::Value tell_unwritten(const Napi::CallbackInfo& info);
  Napi::Value count_late(const Napi::CallbackInfo& info);
  Napi::Value reopen(const Napi::CallbackInfo& info);
  Napi::Value retake_signals(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value take_rolled(const Napi::CallbackInfo& info);
  Napi::Value set_level(const Napi::CallbackInfo& info);

  [[no_unique_address]] JsThread js_thread_;
  napi_env env_;
  std::shared_ptr<SharedLog> shared_;
  std::shared_ptr<log::Logger> logger_;
  std::shared_ptr<log::Buffer> buffer_;
  std::shared_ptr<LogFlushes> flushes_;
  bool closed_ = false;
  bool env_ended_ = false;
};

}  // namespace rocket::addon
