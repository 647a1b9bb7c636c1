#include "log_binding.h"

#include <dlfcn.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <vector>

#include "convert.h"
#include "log/closing.h"
#include "log/crash.h"
#include "log/ending_signals.h"

namespace rocket::addon {

struct SharedLog {
  std::shared_ptr<log::Logger> logger;
  std::string settings;
  int users = 0;
};

namespace {

/// By file. Never freed: worker threads may outlive static objects.
struct Logs {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<SharedLog>> by_place;  // guarded by mutex
  std::vector<LogBinding*> open;                               // guarded by mutex; each is used only by its own thread
};
Logs& logs() {
  static auto* const all = new Logs();
  return *all;
}

/// v8-wasm-trap-handler-posix.h; out-of-bounds accesses of WebAssembly are faults that V8 turns into exceptions.
log::RecoversFault wasm_traps() {
  return reinterpret_cast<log::RecoversFault>(
      dlsym(RTLD_DEFAULT, "_ZN2v829TryHandleWebAssemblyTrapPosixEiP9siginfo_tPv"));
}

std::string string_of(const Napi::Object& object, const char* name) { return object.Get(name).ToString(); }

log::LoggerOptions options_of(const Napi::Object& given) {
  log::LoggerOptions options;
  options.output.folder = string_of(given, "folder");
  options.output.name = string_of(given, "name");
  options.output.fd = static_cast<int>(number_of(given, "fd"));
  options.output.max_file_bytes = size_of(given, "maxFileBytes");
  options.output.max_files = size_of(given, "maxFiles");
  options.format = bool_of(given, "json") ? log::Format::kJson : log::Format::kText;
  options.policy = static_cast<log::Policy>(static_cast<int>(number_of(given, "policy")));
  options.buffer_bytes = size_of(given, "bufferBytes");
  options.queue_bytes = size_of(given, "queueBytes");
  options.gather_every = millis_of(given, "gatherMs");
  options.flush_timeout = millis_of(given, "flushTimeoutMs");
  return options;
}

}  // namespace

Napi::Function LogBinding::define(Napi::Env env) {
  return DefineClass(env, "Log",
                     {
                         InstanceMethod<&LogBinding::nudge>("nudge"),
                         InstanceMethod<&LogBinding::wait_for_room>("waitForRoom"),
                         InstanceMethod<&LogBinding::flush>("flush"),
                         InstanceMethod<&LogBinding::flush_sync>("flushSync"),
                         InstanceMethod<&LogBinding::ask_flush>("askFlush"),
                         InstanceMethod<&LogBinding::wait_flush>("waitFlush"),
                         InstanceMethod<&LogBinding::tell_unwritten>("tellUnwritten"),
                         InstanceMethod<&LogBinding::count_late>("countLate"),
                         InstanceMethod<&LogBinding::reopen>("reopen"),
                         InstanceMethod<&LogBinding::retake_signals>("retakeSignals"),
                         InstanceMethod<&LogBinding::close>("close"),
                         InstanceMethod<&LogBinding::stats>("stats"),
                         InstanceMethod<&LogBinding::take_rolled>("takeRolled"),
                         InstanceMethod<&LogBinding::set_level>("setLevel"),
                     });
}

// js thread: new Log(place, settings, options): has `memory` and `tid`
LogBinding::LogBinding(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const std::string place = info[0].ToString();
  const std::string settings = info[1].ToString();
  const auto given = info[2].As<Napi::Object>();
  {
    const std::lock_guard lock(logs().mutex);
    auto& known = logs().by_place[place];
    if (!known) {
      known = std::make_shared<SharedLog>();
      known->settings = settings;
      known->logger = log::Logger::open(options_of(given), std::make_shared<log::SystemFiles>());
      if (const auto traps = wasm_traps(); bool_of(given, "saveFromCrashes") && traps != nullptr)
        log::save_from_crashes(known->logger, traps);
    } else if (known->settings != settings) {
      auto error = Napi::Error::New(info.Env(), "the log is open with other options");
      error.Set("openSettings", known->settings);
      throw error;
    }
    if (bool_of(given, "flushOnSignals")) log::save_from_signals(*known->logger);
    ++known->users;
    shared_ = known;
    logger_ = known->logger;
  }
  buffer_ = logger_->add_buffer();
  flushes_ = LogFlushes::create(info.Env());
  // Added after the flushes' own hook, so it runs before it.
  napi_add_env_cleanup_hook(env_, &LogBinding::on_env_cleanup, this);
  auto* const held = new std::shared_ptr<log::Buffer>(buffer_);
  const auto memory = Napi::ArrayBuffer::New(
      info.Env(), buffer_->memory(), buffer_->memory_bytes(),
      [](Napi::Env, void*, std::shared_ptr<log::Buffer>* hint) { delete hint; }, held);
  auto self = info.This().As<Napi::Object>();
  self.Set("memory", memory);
  put(self, "tid", log::thread_id());
  const std::lock_guard lock(logs().mutex);
  logs().open.push_back(this);
  Ref();  // until close(), or the environment's end
}

LogBinding::~LogBinding() {
  shut_down();
  if (!flushes_ || env_ended_) return;
  flushes_->release();
  napi_remove_env_cleanup_hook(env_, &LogBinding::on_env_cleanup, this);
}

/// All logs that the environment has open, so that they end together.
void LogBinding::on_env_cleanup(void* self) {
  const napi_env env = static_cast<LogBinding*>(self)->env_;
  static_cast<LogBinding*>(self)->env_ended_ = true;
  static_cast<LogBinding*>(self)->flushes_->on_env_cleanup();
  std::vector<LogBinding*> ending;
  {
    const std::lock_guard lock(logs().mutex);
    std::copy_if(logs().open.begin(), logs().open.end(), std::back_inserter(ending),
                 [env](const LogBinding* binding) { return binding->env_ == env; });
  }
  std::vector<std::shared_ptr<log::Logger>> last;
  for (LogBinding* binding : ending) {
    if (auto logger = binding->detach()) last.push_back(std::move(logger));
  }
  log::close_together(last);
}

std::shared_ptr<log::Logger> LogBinding::detach() {
  if (closed_) return nullptr;
  closed_ = true;
  if (!buffer_) return nullptr;  // the constructor threw
  buffer_->set_gone();
  {
    const std::lock_guard lock(logs().mutex);
    std::erase(logs().open, this);
    if (--shared_->users > 0) {
      logger_->nudge();
      return nullptr;
    }
    std::erase_if(logs().by_place, [this](const auto& entry) { return entry.second == shared_; });
  }
  log::stop_saving_from_crashes(*logger_);
  log::stop_saving_from_signals(*logger_);
  return logger_;
}

void LogBinding::shut_down() {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (const auto last = detach()) last->close();
}

// js thread: nudge()
Napi::Value LogBinding::nudge(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  logger_->nudge();
  return info.Env().Undefined();
}

// js thread: waitForRoom(half): boolean
Napi::Value LogBinding::wait_for_room(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return Napi::Boolean::New(info.Env(), logger_->wait_for_room(*buffer_, int_at(info, 0)));
}

// js thread: flush(ms, sync): Promise<boolean>
Napi::Value LogBinding::flush(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return flushes_->start(info.Env(), *logger_, Millis(int_at(info, 0)), info[1].ToBoolean());
}

// js thread: askFlush(): ticket
Napi::Value LogBinding::ask_flush(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return Napi::Number::New(info.Env(), static_cast<double>(logger_->ask_flush(false)));
}

// js thread: waitFlush(ticket, ms): boolean
Napi::Value LogBinding::wait_flush(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto ticket = static_cast<std::uint64_t>(info[0].ToNumber().Int64Value());
  return Napi::Boolean::New(info.Env(), logger_->wait_flush(ticket, Millis(int_at(info, 1)), false));
}

// js thread: tellUnwritten(); at the end of the process
Napi::Value LogBinding::tell_unwritten(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  logger_->tell_unwritten();
  return info.Env().Undefined();
}

// js thread: countLate(); of a line after close()
Napi::Value LogBinding::count_late(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  logger_->count_late();
  return info.Env().Undefined();
}

// js thread: flushSync(ms, sync): boolean
Napi::Value LogBinding::flush_sync(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return Napi::Boolean::New(info.Env(), logger_->flush(Millis(int_at(info, 0)), info[1].ToBoolean()));
}

// js thread: reopen()
Napi::Value LogBinding::reopen(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  logger_->reopen();
  return info.Env().Undefined();
}

// js thread: retakeSignals(); after the last listener of a signal has gone
Napi::Value LogBinding::retake_signals(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  log::retake_signals();
  return info.Env().Undefined();
}

// js thread: close(); the memory must not be written to any more
Napi::Value LogBinding::close(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (!closed_) {
    shut_down();
    Unref();
  }
  return info.Env().Undefined();
}

// js thread: stats()
Napi::Value LogBinding::stats(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto stats = logger_->stats();
  auto result = Napi::Object::New(info.Env());
  put(result, "buffers", stats.buffers);
  put(result, "bufferBytes", stats.buffer_bytes);
  put(result, "queuedBytes", stats.queued_bytes);
  put(result, "lines", stats.lines);
  put(result, "linesWritten", stats.lines_written);
  put(result, "linesDropped", stats.lines_dropped);
  put(result, "bytesWritten", stats.bytes_written);
  put(result, "writeErrors", stats.write_errors);
  put(result, "filesRolled", stats.files_rolled);
  result.Set("lastError", stats.last_error);
  result.Set("path", stats.path);
  return result;
}

// js thread: takeRolled(): string[]
Napi::Value LogBinding::take_rolled(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto paths = logger_->take_rolled();
  auto result = Napi::Array::New(info.Env(), paths.size());
  for (std::uint32_t i = 0; i < paths.size(); ++i) result[i] = paths[i];
  return result;
}

// js thread: setLevel(level): of the lines of native threads
Napi::Value LogBinding::set_level(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  logger_->set_level(static_cast<log::Level>(int_at(info, 0)));
  return info.Env().Undefined();
}

}  // namespace rocket::addon
