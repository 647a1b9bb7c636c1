#pragma once

#include <napi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/address.h"
#include "io/connection.h"

namespace rocket::addon {

// js thread: everything here. The TypeScript side has validated the values; a missing one is a bug there.

inline double number_of(const Napi::Object& object, const char* name) {
  return object.Get(name).ToNumber().DoubleValue();
}

inline std::size_t size_of(const Napi::Object& object, const char* name) {
  return static_cast<std::size_t>(std::max(0.0, number_of(object, name)));
}

inline Millis millis_of(const Napi::Object& object, const char* name) {
  return Millis(static_cast<std::int64_t>(number_of(object, name)));
}

inline bool bool_of(const Napi::Object& object, const char* name) { return object.Get(name).ToBoolean(); }

/// Empty if the property is missing.
inline std::string text_of(const Napi::Object& object, const char* name) {
  const auto value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

inline std::int32_t int_at(const Napi::CallbackInfo& info, std::size_t index) {
  return info[index].ToNumber().Int32Value();
}

template <typename Number>
void put(Napi::Object& object, const char* name, Number value) {
  object.Set(name, static_cast<double>(value));
}

inline io::ConnectionLimits limits_of(const Napi::Object& options) {
  io::ConnectionLimits limits;
  limits.max_frame_bytes = size_of(options, "maxFrameBytes");
  limits.max_write_queue_bytes = size_of(options, "maxWriteQueueBytes");
  limits.frame_timeout = millis_of(options, "frameTimeoutMs");
  limits.idle_timeout = millis_of(options, "idleTimeoutMs");
  return limits;
}

/// Throws a JavaScript TypeError if the text is not a numeric address.
inline io::Address address_of(const Napi::Value& text) {
  const std::string given = text.ToString();
  auto address = io::parse_address(given);
  if (!address)
    throw Napi::TypeError::New(text.Env(), "not an address of the form ip:port, [ipv6]:port or unix:/path: " + given);
  return *address;
}

inline std::vector<io::Address> addresses_of(const Napi::Value& list) {
  const auto array = list.As<Napi::Array>();
  std::vector<io::Address> addresses;
  for (std::uint32_t i = 0; i < array.Length(); ++i) addresses.push_back(address_of(array.Get(i)));
  return addresses;
}

}  // namespace rocket::addon
