#include "tls_binding.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "convert.h"
#include "rpc/engine.h"

namespace rocket::addon {

namespace {

/// Of a Uint8Array.
std::string bytes_of(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

std::vector<std::string> list_of(const Napi::Object& given, const char* name) {
  std::vector<std::string> list;
  const auto array = given.Get(name).As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) list.push_back(bytes_of(array.Get(i)));
  return list;
}

/// Of { bytes, passphrase }[].
template <typename Item>
std::vector<Item> secrets_of(const Napi::Object& given, const char* name) {
  std::vector<Item> list;
  const auto array = given.Get(name).As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const auto item = array.Get(i).As<Napi::Object>();
    list.push_back({tls::Secret(bytes_of(item.Get("bytes"))), tls::Secret(text_of(item, "passphrase"))});
  }
  return list;
}

tls::Version version_of(const Napi::Object& given, const char* name) {
  return text_of(given, name) == "TLSv1.3" ? tls::Version::k13 : tls::Version::k12;
}

tls::ContextSettings settings_of(const Napi::Object& given) {
  tls::ContextSettings settings{.ticket_keys = tls::Secret(bytes_of(given.Get("ticketKeys")))};
  settings.keys = secrets_of<tls::ContextSettings::Key>(given, "keys");
  settings.certificates = list_of(given, "certificates");
  settings.pfx = secrets_of<tls::ContextSettings::Pfx>(given, "pfx");
  settings.authorities = list_of(given, "authorities");
  settings.openssl_authorities = bool_of(given, "opensslAuthorities");
  settings.revocations = list_of(given, "revocations");
  settings.ciphers = text_of(given, "ciphers");
  settings.least = version_of(given, "minVersion");
  settings.most = version_of(given, "maxVersion");
  settings.curves = text_of(given, "ecdhCurve");
  settings.dh_parameters = bytes_of(given.Get("dhparam"));
  const auto alpn = given.Get("alpn").As<Napi::Array>();
  for (std::uint32_t i = 0; i < alpn.Length(); ++i) settings.alpn.push_back(alpn.Get(i).ToString());
  return settings;
}

}  // namespace

Napi::Function TlsBinding::define(Napi::Env env) {
  return DefineClass(env, "TlsContext", {InstanceAccessor<&TlsBinding::validity>("validity")});
}

Napi::Value TlsBinding::validity(const Napi::CallbackInfo& info) {
  if (!context_->validity()) return info.Env().Undefined();
  auto made = Napi::Object::New(info.Env());
  made.Set("from", static_cast<double>(context_->validity()->from) * 1000);
  made.Set("until", static_cast<double>(context_->validity()->until) * 1000);
  return made;
}

TlsBinding::TlsBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (const std::string why = tls::unavailable(); !why.empty()) {
    throw Napi::Error::New(info.Env(), "rocket-rpc: " + why);
  }
  const auto given = info[0].As<Napi::Object>();
  const bool reject = bool_of(given, "rejectUnauthorized");
  const tls::PeerDemands demands{.ask = bool_of(given, "requestCert"), .reject = reject};
  auto made = bool_of(given, "client") ? tls::Context::for_client(settings_of(given), reject)
                                       : tls::Context::for_server(settings_of(given), demands);
  if (const auto* error = std::get_if<tls::ContextError>(&made)) {
    throw Napi::TypeError::New(info.Env(), "tls." + error->option + " cannot be used: " + error->why);
  }
  context_ = std::get<std::shared_ptr<const tls::Context>>(std::move(made));
  // OpenSSL has registered its own cleanup by now, which therefore comes later.
  rpc::Engine::stop_at_exit();
}

std::shared_ptr<const tls::Context> TlsBinding::context_of(const Napi::Value& binding) {
  return Unwrap(binding.As<Napi::Object>())->context_;
}

}  // namespace rocket::addon
