#include "convert.h"
#include "environment.h"
#include "grpc/client_link.h"
#include "stats_object.h"
#include "tinypb/client_link.h"
#include "tls_binding.h"

namespace rocket::addon {

Environment::Channel& Environment::channel_at(const Napi::CallbackInfo& info) {
  const auto found = channels_.find(int_at(info, 0));
  if (found == channels_.end()) throw Napi::Error::New(info.Env(), "rocket-rpc: no such channel");
  return found->second;
}

Environment::Endpoint& Environment::endpoint_at(const Napi::CallbackInfo& info) {
  const auto found = endpoints_.find(int_at(info, 0));
  if (found == endpoints_.end()) throw Napi::Error::New(info.Env(), "rocket-rpc: no such endpoint");
  return found->second;
}

// js thread: createChannel(options): number
Napi::Value Environment::create_channel(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_) throw Napi::Error::New(info.Env(), "rocket-rpc: this environment is being torn down");
  const auto given = info[0].As<Napi::Object>();
  rpc::ClientOptions options;
  options.io_threads = size_of(given, "ioThreads");
  const bool grpc = text_of(given, "protocol") == grpc::kClientProtocol.name;
  options.protocol = grpc ? &grpc::kClientProtocol : &tinypb::kClientProtocol;
  options.authority = text_of(given, "authority");
  options.user_agent = text_of(given, "userAgent");
  options.connections = size_of(given, "connections");
  options.short_connections = bool_of(given, "shortConnections");
  options.connection = limits_of(given);
  options.connect_timeout = millis_of(given, "connectTimeoutMs");
  options.first_backoff = millis_of(given, "firstBackoffMs");
  options.longest_backoff = millis_of(given, "longestBackoffMs");
  if (const auto tls = given.Get("tls"); tls.IsObject()) {
    options.tls = TlsBinding::context_of(tls.As<Napi::Object>().Get("context"));
  }
  options.judges_servers = options.tls != nullptr && bool_of(given.Get("tls").As<Napi::Object>(), "judge");
  options.keepalive.time = millis_of(given, "keepaliveTimeMs");
  options.keepalive.timeout = millis_of(given, "keepaliveTimeoutMs");
  options.keepalive_without_calls = bool_of(given, "keepaliveWithoutCalls");
  options.max_message_bytes = size_of(given, "maxMessageBytes");
  options.max_metadata_bytes = size_of(given, "maxMetadataBytes");
  options.max_buffered_reply_bytes = size_of(given, "maxBufferedReplyBytes");
  options.serial_connections = size_of(given, "serialConnections");
  options.checksum = bool_of(given, "checksum");
  options.peer_is_rocket_rpc = bool_of(given, "peerIsRocketRpc");
  engine();
  const std::int32_t number = next_number_++;
  channels_[number] = {std::make_shared<rpc::ClientChannel>(inbox_, options)};
  return Napi::Number::New(info.Env(), number);
}

// js thread: releaseChannel(channel), after its endpoints
Napi::Value Environment::release_channel(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  channels_.erase(int_at(info, 0));
  release_engine_if_unused();
  return info.Env().Undefined();
}

// js thread: setChannelTls(channel, context); for connections that are made from now on
Napi::Value Environment::set_channel_tls(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto& channel = channel_at(info).shared;
  channel->tls = TlsBinding::context_of(info[1]);
  for (const auto& [number, entry] : endpoints_) {
    if (&entry.endpoint->channel() == channel.get()) entry.endpoint->set_tls(channel->tls);
  }
  return info.Env().Undefined();
}

// js thread: addMethod(channel, wireName, stringFields, kind): number
Napi::Value Environment::add_method(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  auto& methods = channel_at(info).shared->methods;
  methods.push_back({info[1].ToString(), info[2].ToNumber().Uint32Value(),
                     static_cast<rpc::MethodKind>(info[3].ToNumber().Uint32Value())});
  return Napi::Number::New(info.Env(), static_cast<double>(methods.size() - 1));
}

// js thread: createEndpoint(channel, name, addresses, serverName): { number, links }
Napi::Value Environment::create_endpoint(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const Channel& channel = channel_at(info);
  const auto addresses = addresses_of(info[2]);
  const std::int32_t number = next_number_++;
  Endpoint entry;
  entry.info = std::make_shared<rpc::ClientEndpointInfo>();
  entry.info->number = number;
  entry.info->name = info[1].ToString();
  entry.info->server_name = info[3].ToString();
  entry.endpoint = std::make_unique<rpc::ClientEndpoint>(engine(), channel.shared, entry.info, addresses);
  outbox_->add_endpoint(number, *entry.endpoint);
  auto made = Napi::Object::New(info.Env());
  put(made, "number", number);
  put(made, "links", entry.endpoint->link_count());
  endpoints_[number] = std::move(entry);
  return made;
}

// js thread: connectEndpoint(endpoint)
Napi::Value Environment::connect_endpoint(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  endpoint_at(info).endpoint->connect();
  return info.Env().Undefined();
}

// js thread: setAddresses(endpoint, addresses), used from the next attempt to connect
Napi::Value Environment::set_addresses(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  endpoint_at(info).endpoint->set_addresses(addresses_of(info[1]));
  return info.Env().Undefined();
}

// js thread: answerServerCheck(endpoint, link, question, refusal); '': it is the right server
Napi::Value Environment::answer_server_check(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const auto found = endpoints_.find(int_at(info, 0));
  if (found == endpoints_.end()) return info.Env().Undefined();
  found->second.endpoint->answer_server_check(info[1].ToNumber().Uint32Value(), info[2].ToNumber().Uint32Value(),
                                              info[3].ToString().Utf8Value());
  return info.Env().Undefined();
}

// js thread: releaseWaiting(endpoint)
Napi::Value Environment::release_waiting(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  endpoint_at(info).endpoint->release_waiting();
  return info.Env().Undefined();
}

// js thread: closeEndpoint(endpoint); kEndpointClosed follows once for each link
Napi::Value Environment::close_endpoint(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  endpoint_at(info).endpoint->close();
  return info.Env().Undefined();
}

// js thread: releaseEndpoint(endpoint), after its last kEndpointClosed
Napi::Value Environment::release_endpoint(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  outbox_->remove_endpoint(int_at(info, 0));
  endpoints_.erase(int_at(info, 0));
  return info.Env().Undefined();
}

// js thread:
Napi::Value Environment::channel_stats(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  StatsObject made(info.Env());
  stats::for_each_stat(*channel_at(info).shared, made.visitor());
  return made.object();
}

}  // namespace rocket::addon
