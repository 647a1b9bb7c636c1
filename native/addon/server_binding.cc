#include <numeric>
#include <string>

#include "convert.h"
#include "environment.h"
#include "grpc/protocol.h"
#include "log_binding.h"
#include "stats_object.h"
#include "tinypb/protocol.h"
#include "tls_binding.h"

namespace rocket::addon {

namespace {

/// Every protocol there is.
const std::vector<const rpc::Protocol*> kProtocols{&tinypb::kProtocol, &grpc::kProtocol};

/// The protocols with these names, in the order above. The first one answers connections that match none.
std::vector<const rpc::Protocol*> protocols_of(const Napi::Array& names) {
  std::vector<const rpc::Protocol*> chosen;
  for (const rpc::Protocol* protocol : kProtocols) {
    for (std::uint32_t i = 0; i < names.Length(); ++i) {
      if (names.Get(i).ToString().Utf8Value() == protocol->name) chosen.push_back(protocol);
    }
  }
  return chosen;
}

std::vector<std::int32_t> first_numbers(std::size_t count) {
  std::vector<std::int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

rpc::Server& Environment::server_at(const Napi::CallbackInfo& info) {
  const auto found = servers_.find(int_at(info, 0));
  if (found == servers_.end()) throw Napi::Error::New(info.Env(), "rocket-rpc: no such server");
  return *found->second.server;
}

// js thread: createServer(options, methods): number; methods: { wireName, stringFields, kind }[], the kind a
// rpc::MethodKind
Napi::Value Environment::create_server(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (closed_) throw Napi::Error::New(info.Env(), "rocket-rpc: this environment is being torn down");
  const auto given = info[0].As<Napi::Object>();
  rpc::ServerOptions options;
  options.protocols = protocols_of(given.Get("protocols").As<Napi::Array>());
  options.io_threads = size_of(given, "ioThreads");
  options.connection = limits_of(given);
  options.max_message_bytes = size_of(given, "maxMessageBytes");
  options.max_metadata_bytes = size_of(given, "maxMetadataBytes");
  options.max_buffered_request_bytes = size_of(given, "maxBufferedRequestBytes");
  options.max_calls_per_connection = size_of(given, "maxCallsPerConnection");
  options.max_calls = size_of(given, "maxCallsInFlight");
  options.max_connections = size_of(given, "maxConnections");
  options.default_timeout = millis_of(given, "defaultTimeoutMs");
  options.max_timeout = millis_of(given, "maxTimeoutMs");
  options.max_concurrent_streams = size_of(given, "maxConcurrentStreams");
  options.max_connection_age = millis_of(given, "maxConnectionAgeMs");
  options.max_connection_age_grace = millis_of(given, "maxConnectionAgeGraceMs");
  options.max_connection_idle = millis_of(given, "maxConnectionIdleMs");
  options.keepalive_time = millis_of(given, "keepaliveTimeMs");
  options.keepalive_timeout = millis_of(given, "keepaliveTimeoutMs");
  options.min_ping_interval = millis_of(given, "minPingIntervalMs");
  options.permits_idle_pings = bool_of(given, "permitPingsWithoutCalls");
  options.health_blocked_after = millis_of(given, "healthBlockedAfterMs");
  if (const auto log = given.Get("log"); log.IsObject()) {
    options.log = [logger = LogBinding::Unwrap(log.As<Napi::Object>())->logger()](std::string_view text) {
      log::Line line;
      line.level = log::Level::kWarn;
      line.message = text;
      logger->write(line);
    };
  }
  if (const auto tls = given.Get("tls"); tls.IsObject()) {
    const auto settings = tls.As<Napi::Object>();
    options.tls.context = TlsBinding::context_of(settings.Get("context"));
    options.tls.allow_plain = bool_of(settings, "allowPlain");
    options.tls.handshake_timeout = millis_of(settings, "handshakeTimeoutMs");
    options.tls.max_handshakes = size_of(settings, "maxHandshakes");
  }
  rpc::MethodTable methods;
  const auto given_methods = info[1].As<Napi::Array>();
  for (std::uint32_t i = 0; i < given_methods.Length(); ++i) {
    const auto method = given_methods.Get(i).As<Napi::Object>();
    const std::string name = method.Get("wireName").ToString();
    const auto kind = static_cast<rpc::MethodKind>(method.Get("kind").ToNumber().Uint32Value());
    if (!methods.add(name, method.Get("stringFields").ToNumber().Uint32Value(), kind))
      throw Napi::TypeError::New(info.Env(), "not a new method name of the form Service.method: " + name);
  }
  engine();
  const std::int32_t number = next_number_++;
  ServedHere served;
  served.consumer = std::make_shared<rpc::Consumer>(number, inbox_, first_numbers(methods.size()));
  served.server = std::make_shared<rpc::Server>(engine_, options, std::move(methods));
  served.server->add_consumer(served.consumer);
  servers_[number] = std::move(served);
  return Napi::Number::New(info.Env(), number);
}

// js thread: listen(server, address, backlog): the bound address, or { errno, step }
Napi::Value Environment::listen(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  rpc::Server& server = server_at(info);
  const io::Address address = address_of(info[1]);
  auto opened = io::Listener::open(address, int_at(info, 2));
  if (const auto* error = std::get_if<io::ListenError>(&opened)) {
    auto failure = Napi::Object::New(info.Env());
    put(failure, "errno", error->code);
    failure.Set("step", error->step);
    return failure;
  }
  auto& listener = std::get<io::Listener>(opened);
  if (!address.is_unix()) listener.set_stream_options();
  const std::string bound = listener.bound_text();
  server.listen(std::move(listener));
  return Napi::String::New(info.Env(), bound);
}

// js thread: setHealth(server, service, serving); an empty service: the server and all of them
Napi::Value Environment::set_health(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  server_at(info).health.set(info[1].ToString().Utf8Value(), info[2].ToBoolean());
  return info.Env().Undefined();
}

// js thread: setTls(server, context); for connections that come from now on
Napi::Value Environment::set_tls(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  server_at(info).set_tls(TlsBinding::context_of(info[1]));
  return info.Env().Undefined();
}

/// The connection of a call that JavaScript holds; the call keeps it alive.
io::Connection& Environment::connection_of_call(const Napi::CallbackInfo& info) {
  if (engine_ == nullptr) throw Napi::Error::New(info.Env(), "rocket-rpc: there is no server");
  const rpc::CallId id{info[0].ToNumber().Uint32Value(), info[1].ToNumber().Uint32Value()};
  return *engine_->lane(id.io_thread()).server_calls.held(id).connection;
}

// js thread: peerIdentity(low, high): the number of the connection's identity, 0 without one
Napi::Value Environment::peer_identity(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  return Napi::Number::New(info.Env(), static_cast<double>(connection_of_call(info).peer_identity().number));
}

// js thread: peerCertificate(low, high): { der, error } of a call whose connection has an identity
Napi::Value Environment::peer_certificate(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  const io::Connection& connection = connection_of_call(info);
  const std::string der = connection.peer_certificate();
  auto made = Napi::Object::New(info.Env());
  made.Set("der", Napi::Buffer<char>::Copy(info.Env(), der.data(), der.size()));
  made.Set("error", std::string(connection.peer_identity().error));
  return made;
}

// js thread: closeServer(server, drainMs); kServerClosed follows
Napi::Value Environment::close_server(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  server_at(info).close(Millis(info[1].ToNumber().Int64Value()));
  return info.Env().Undefined();
}

// js thread: releaseServer(server), after kServerClosed
Napi::Value Environment::release_server(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  servers_.erase(int_at(info, 0));
  release_engine_if_unused();
  return info.Env().Undefined();
}

// js thread:
Napi::Value Environment::server_stats(const Napi::CallbackInfo& info) {
  ROCKET_ON_JS_THREAD(js_thread_);
  rpc::Server& server = server_at(info);
  server.settle();
  StatsObject made(info.Env());
  stats::for_each_stat(server, made.visitor());
  return made.object();
}

}  // namespace rocket::addon
