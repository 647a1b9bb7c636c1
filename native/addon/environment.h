#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/thread_check.h"
#include "rpc/client_endpoint.h"
#include "rpc/engine.h"
#include "rpc/inbox.h"
#include "rpc/outbox.h"
#include "rpc/server.h"

namespace rocket::addon {

/// Wakes the JavaScript thread through its one ThreadSafeFunction.
class TsfnWakeUp final : public rpc::WakeUp {
 public:
  // io thread:
  void wake() override { napi_call_threadsafe_function(function, nullptr, napi_tsfn_nonblocking); }

  napi_threadsafe_function function = nullptr;
};

/// One JavaScript environment (the main thread or a worker): its Inbox, its Outbox, and the servers and channels it
/// made. Every method runs on the JavaScript thread.
///
/// Teardown: a synchronous environment cleanup hook closes the Inbox (from then on no io thread touches the slabs or
/// the ThreadSafeFunction), abandons servers and endpoints, and releases the engine, which joins its threads if this
/// was the last environment to use it. The object prevents its own collection until then.
class Environment final : public Napi::ObjectWrap<Environment> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Environment(const Napi::CallbackInfo& info);
  ~Environment() override;

 private:
  /// A server, and this environment's share of its calls.
  struct ServedHere {
    std::shared_ptr<rpc::Server> server;
    std::shared_ptr<const rpc::Consumer> consumer;
  };
  struct Channel {
    std::shared_ptr<rpc::ClientChannel> shared;
  };
  struct Endpoint {
    std::shared_ptr<rpc::ClientEndpointInfo> info;
    std::unique_ptr<rpc::ClientEndpoint> endpoint;
  };

  // environment.cc
  static void on_wake_up(napi_env env, napi_value callback, void* context, void* data);
  static void on_env_cleanup(void* self);
  void shut_down();
  rpc::Engine& engine();
  void release_engine_if_unused();
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value take_large(const Napi::CallbackInfo& info);
  Napi::Value drop_large(const Napi::CallbackInfo& info);
  Napi::Value clock(const Napi::CallbackInfo& info);
  Napi::Value set_ref(const Napi::CallbackInfo& info);
  Napi::Value engine_stats(const Napi::CallbackInfo& info);

  // server_binding.cc
  Napi::Value create_server(const Napi::CallbackInfo& info);
  Napi::Value listen(const Napi::CallbackInfo& info);
  Napi::Value set_health(const Napi::CallbackInfo& info);
  Napi::Value peer_identity(const Napi::CallbackInfo& info);
  Napi::Value peer_certificate(const Napi::CallbackInfo& info);
  Napi::Value set_tls(const Napi::CallbackInfo& info);
  Napi::Value close_server(const Napi::CallbackInfo& info);
  Napi::Value release_server(const Napi::CallbackInfo& info);
  Napi::Value server_stats(const Napi::CallbackInfo& info);

  // client_binding.cc
  Napi::Value create_channel(const Napi::CallbackInfo& info);
  Napi::Value set_channel_tls(const Napi::CallbackInfo& info);
  Napi::Value release_channel(const Napi::CallbackInfo& info);
  Napi::Value add_method(const Napi::CallbackInfo& info);
  Napi::Value create_endpoint(const Napi::CallbackInfo& info);
  Napi::Value connect_endpoint(const Napi::CallbackInfo& info);
  Napi::Value set_addresses(const Napi::CallbackInfo& info);
  Napi::Value answer_server_check(const Napi::CallbackInfo& info);
  Napi::Value release_waiting(const Napi::CallbackInfo& info);
  Napi::Value close_endpoint(const Napi::CallbackInfo& info);
  Napi::Value release_endpoint(const Napi::CallbackInfo& info);
  Napi::Value channel_stats(const Napi::CallbackInfo& info);

  io::Connection& connection_of_call(const Napi::CallbackInfo& info);
  rpc::Server& server_at(const Napi::CallbackInfo& info);
  Endpoint& endpoint_at(const Napi::CallbackInfo& info);
  Channel& channel_at(const Napi::CallbackInfo& info);

  [[no_unique_address]] JsThread js_thread_;
  const napi_env env_;
  TsfnWakeUp wake_up_;
  std::shared_ptr<rpc::Inbox> inbox_;
  std::unique_ptr<rpc::Outbox> outbox_;
  std::vector<OwnedBytes> large_;  // of the batch being read
  std::vector<napi_value> arguments_;
  const std::uint8_t* out_bytes_ = nullptr;
  const rpc::Command* out_commands_ = nullptr;
  std::size_t max_commands_ = 0;
  Napi::ObjectReference slabs_;  // keeps the memory above and that of the Inbox alive

  std::shared_ptr<rpc::Engine> engine_;
  std::unordered_map<std::int32_t, ServedHere> servers_;
  std::unordered_map<std::int32_t, Channel> channels_;
  std::unordered_map<std::int32_t, Endpoint> endpoints_;
  std::int32_t next_number_ = 1;
  bool closed_ = false;
};

}  // namespace rocket::addon
