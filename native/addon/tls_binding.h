#pragma once

#include <napi.h>

#include <memory>

#include "tls/context.h"

namespace rocket::addon {

/// A JavaScript object that holds a tls::Context: parsed certificates and keys, and rules. js thread: everything.
class TlsBinding final : public Napi::ObjectWrap<TlsBinding> {
 public:
  static Napi::Function define(Napi::Env env);
  /// Throws a TypeError that names the option (`tls.key`); an Error if this process has no OpenSSL 3.
  explicit TlsBinding(const Napi::CallbackInfo& info);

  static std::shared_ptr<const tls::Context> context_of(const Napi::Value& binding);

 private:
  /// { from, until }, in milliseconds of Unix time, or undefined: Context::validity().
  Napi::Value validity(const Napi::CallbackInfo& info);

  std::shared_ptr<const tls::Context> context_;
};

}  // namespace rocket::addon
