#include "environment.h"

#include "convert.h"
#include "stats_object.h"

namespace rocket::addon {

namespace {

rpc::Inbox::Slab slab_of(const Napi::Object& slabs, const std::string& number) {
  return {slabs.Get("inBytes" + number).As<Napi::Uint8Array>().Data(),
          slabs.Get("inWords" + number).As<Napi::Int32Array>().Data(),
          slabs.Get("inStrings" + number).As<Napi::Int32Array>().Data(),
          slabs.Get("inHeads" + number).As<Napi::Uint8Array>().Data()};
}

/// Slab, events, clock, and the number of message strings; these and the strings of heads follow.
constexpr std::size_t kBatchArguments = 4;

bool append_latin1(napi_env env, const std::uint8_t* text, std::size_t size, std::vector<napi_value>& arguments) {
  napi_value made;
  if (napi_create_string_latin1(env, reinterpret_cast<const char*>(text), size, &made) != napi_ok) return false;
  arguments.push_back(made);
  return true;
}

/// A string created here and passed as an argument costs a third of what Buffer's latin1Slice() costs.
void append_strings(napi_env env, const rpc::Inbox::Batch& batch, std::vector<napi_value>& arguments) {
  for (std::size_t i = 0; i < batch.strings.size(); i += rpc::kStringWords) {
    const auto size = static_cast<std::size_t>(batch.strings[i + 1]);
    if (!append_latin1(env, batch.bytes + batch.strings[i], size, arguments)) return;
  }
}

void append_heads(napi_env env, const rpc::Inbox::Batch& batch, std::vector<napi_value>& arguments) {
  std::uint32_t start = 0;
  for (const std::uint32_t end : batch.head_ends) {
    if (!append_latin1(env, batch.heads + start, end - start, arguments)) return;
    start = end;
  }
}

}  // namespace

Napi::Function Environment::define(Napi::Env env) {
  return DefineClass(env, "Environment",
                     {
                         InstanceMethod<&Environment::flush>("flush"),
                         InstanceMethod<&Environment::take_large>("takeLarge"),
                         InstanceMethod<&Environment::drop_large>("dropLarge"),
                         InstanceMethod<&Environment::clock>("clock"),
                         InstanceMethod<&Environment::set_ref>("setRef"),
                         InstanceMethod<&Environment::engine_stats>("engineStats"),
                         InstanceMethod<&Environment::create_server>("createServer"),
                         InstanceMethod<&Environment::listen>("listen"),
                         InstanceMethod<&Environment::set_health>("setHealth"),
                         InstanceMethod<&Environment::set_tls>("setTls"),
                         InstanceMethod<&Environment::peer_identity>("peerIdentity"),
                         InstanceMethod<&Environment::peer_certificate>("peerCertificate"),
                         InstanceMethod<&Environment::close_server>("closeServer"),
                         InstanceMethod<&Environment::release_server>("releaseServer"),
                         InstanceMethod<&Environment::server_stats>("serverStats"),
                         InstanceMethod<&Environment::create_channel>("createChannel"),
                         InstanceMethod<&Environment::set_channel_tls>("setChannelTls"),
                         InstanceMethod<&Environment::release_channel>("releaseChannel"),
                         InstanceMethod<&Environment::add_method>("addMethod"),
                         InstanceMethod<&Environment::create_endpoint>("createEndpoint"),
                         InstanceMethod<&Environment::connect_endpoint>("connectEndpoint"),
                         InstanceMethod<&Environment::set_addresses>("setAddresses"),
                         InstanceMethod<&Environment::answer_server_check>("answerServerCheck"),
                         InstanceMethod<&Environment::release_waiting>("releaseWaiting"),
                         InstanceMethod<&Environment::close_endpoint>("closeEndpoint"),
                         InstanceMethod<&Environment::release_endpoint>("releaseEndpoint"),
                         InstanceMethod<&Environment::channel_stats>("channelStats"),
                     });
}

// js thread: new Environment(slabs, onBatch)
Environment::Environment(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto slabs = info[0].As<Napi::Object>();
  slabs_ = Napi::Persistent(slabs);
  rpc::Inbox::Limits limits;
  limits.max_events = size_of(slabs, "maxEvents");
  limits.slab_bytes = size_of(slabs, "slabBytes");
  limits.max_large_bytes = size_of(slabs, "maxLargeBytes");
  limits.max_strings = size_of(slabs, "maxStrings");
  limits.announce_events = size_of(slabs, "announceEvents");
  arguments_.reserve(kBatchArguments + limits.max_strings);
  limits.head_bytes = size_of(slabs, "headBytes");
  inbox_ = std::make_shared<rpc::Inbox>(slab_of(slabs, "0"), slab_of(slabs, "1"), limits, wake_up_);
  outbox_ = std::make_unique<rpc::Outbox>(inbox_);
  out_bytes_ = slabs.Get("outBytes").As<Napi::Uint8Array>().Data();
  const auto words = slabs.Get("outWords").As<Napi::Int32Array>();
  out_commands_ = reinterpret_cast<const rpc::Command*>(words.Data());
  max_commands_ = words.ElementLength() / rpc::kCommandWords;

  const auto name = Napi::String::New(info.Env(), "rocket-rpc");
  const napi_status made = napi_create_threadsafe_function(info.Env(), info[1], nullptr, name, 0, 1, nullptr, nullptr,
                                                           this, &Environment::on_wake_up, &wake_up_.function);
  if (made != napi_ok) throw Napi::Error::New(info.Env());
  napi_unref_threadsafe_function(info.Env(), wake_up_.function);
  // Added after the function's own hook, so it runs before it.
  napi_add_env_cleanup_hook(info.Env(), &Environment::on_env_cleanup, this);
  Ref();
}

Environment::~Environment() { shut_down(); }

// js thread: the inbox has events.
void Environment::on_wake_up(napi_env env, napi_value callback, void* context, void*) {
  auto* self = static_cast<Environment*>(context);
  ROCKET_ON_JS_THREAD(self->js_thread_);
  if (env == nullptr || self->closed_) return;
  rpc::Inbox::Batch batch = self->inbox_->swap();
  if (batch.events == 0) return;
  self->large_ = std::move(batch.large);
  auto& arguments = self->arguments_;
  arguments.resize(kBatchArguments);
  napi_value undefined;
  napi_create_int32(env, batch.slab, &arguments[0]);
  napi_create_int32(env, static_cast<std::int32_t>(batch.events), &arguments[1]);
  napi_create_int32(env, self->inbox_->clock_ms(steady_now_ms()), &arguments[2]);
  napi_get_undefined(env, &undefined);
  append_strings(env, batch, arguments);
  const auto strings = static_cast<std::int32_t>(arguments.size() - kBatchArguments);
  napi_create_int32(env, strings, &arguments[3]);
  append_heads(env, batch, arguments);
  napi_call_function(env, undefined, callback, arguments.size(), arguments.data(), nullptr);
  self->large_.clear();
}

void Environment::on_env_cleanup(void* self) { static_cast<Environment*>(self)->shut_down(); }

void Environment::shut_down() {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_) return;
  closed_ = true;
  inbox_->close();
  for (const auto& [number, served] : servers_) served.server->remove_consumer(served.consumer);
  for (const auto& [number, entry] : endpoints_) entry.endpoint->close();
  servers_.clear();
  endpoints_.clear();
  channels_.clear();
  engine_.reset();
}

rpc::Engine& Environment::engine() {
  if (!engine_) engine_ = rpc::Engine::acquire();
  return *engine_;
}

void Environment::release_engine_if_unused() {
  if (!servers_.empty() || !channels_.empty() || !endpoints_.empty()) return;
  inbox_->forget_ports();
  engine_.reset();
}

// js thread: flush(commands, large?)
Napi::Value Environment::flush(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_ || !engine_) return info.Env().Undefined();
  const auto count = std::min<std::size_t>(info[0].As<Napi::Number>().Uint32Value(), max_commands_);
  std::vector<OwnedBytes> large;
  if (info.Length() > 1 && info[1].IsArray()) {
    const auto blocks = info[1].As<Napi::Array>();
    for (std::uint32_t i = 0; i < blocks.Length(); ++i) {
      const auto block = blocks.Get(i).As<Napi::Uint8Array>();
      large.push_back(OwnedBytes::try_copy_of({block.Data(), block.ByteLength()}));
    }
  }
  outbox_->flush(*engine_, {out_commands_, count}, out_bytes_, std::move(large));
  return info.Env().Undefined();
}

// js thread: takeLarge(index): Buffer
Napi::Value Environment::take_large(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  OwnedBytes block = std::move(large_.at(info[0].As<Napi::Number>().Uint32Value()));
  const std::size_t size = block.size();
  napi_value buffer;
  const auto status = napi_create_external_buffer(
      info.Env(), size, block.data(), [](napi_env, void* data, void*) { std::free(data); }, nullptr, &buffer);
  if (status == napi_ok) {
    block.release();
    return Napi::Value(info.Env(), buffer);
  }
  // Electron does not allow external buffers.
  return Napi::Buffer<std::uint8_t>::Copy(info.Env(), block.data(), size);
}

// js thread: dropLarge(buffer)
Napi::Value Environment::drop_large(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  napi_value memory = nullptr;
  const auto status = napi_get_typedarray_info(info.Env(), info[0], nullptr, nullptr, nullptr, &memory, nullptr);
  if (status == napi_ok) napi_detach_arraybuffer(info.Env(), memory);
  return info.Env().Undefined();
}

// js thread: clock(): milliseconds on the clock of Event::time_ms
Napi::Value Environment::clock(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return Napi::Number::New(info.Env(), inbox_->clock_ms(steady_now_ms()));
}

// js thread: setRef(keepProcessAlive)
Napi::Value Environment::set_ref(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_) return info.Env().Undefined();
  if (info[0].ToBoolean()) {
    napi_ref_threadsafe_function(env_, wake_up_.function);
  } else {
    napi_unref_threadsafe_function(env_, wake_up_.function);
  }
  return info.Env().Undefined();
}

// js thread:
Napi::Value Environment::engine_stats(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  StatsObject made(info.Env());
  stats::for_each_stat(rpc::Engine::current().get(), *inbox_, *outbox_, made.visitor());
  return made.object();
}

}  // namespace rocket::addon
