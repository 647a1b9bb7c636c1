#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/bytes.h"
#include "rpc/boundary.h"
#include "rpc/status.h"

namespace rocket::rpc {

class ServerShard;

/// The answer of a native method: a message, or an error and its text.
struct NativeAnswer {
  Status status;
  std::string_view text;  ///< static
  std::string message;
};
/// Answers on the io thread, even while JavaScript is blocked.
using NativeHandler = NativeAnswer (*)(ServerShard& shard, ByteSpan message);

/// A method of a server: JavaScript's, or one that is answered natively.
struct Method {
  std::string name;              ///< `Service.method`
  std::size_t service_size = 0;  ///< length of the service in `name`
  /// For a method of JavaScript: its index in the order in which methods were added (Consumer::number_of()).
  std::int32_t index = 0;
  std::uint32_t string_fields = 0;  ///< string fields of its request (Event::string_fields)
  MethodKind kind = MethodKind::kUnary;
  NativeHandler native = nullptr;

  std::string_view service() const { return std::string_view(name).substr(0, service_size); }
  std::string_view method() const { return std::string_view(name).substr(service_size + 1); }
};

/// Finds the method for a service and a method name, for all protocols. Filled before the server listens, immutable
/// from then on, so every io thread reads it without a lock.
class MethodTable {
 public:
  struct Lookup {
    const Method* method = nullptr;
    Reason why = Reason::kNone;  ///< why there is none
  };

  /// `name` is `Service.method`, split at its last dot; false if it is already in use or has no dot.
  bool add(std::string_view name, std::uint32_t string_fields = 0, MethodKind kind = MethodKind::kUnary);
  /// The same for a native method. Its service is not in services().
  bool add_native(std::string_view name, NativeHandler handler, MethodKind kind = MethodKind::kUnary);

  Lookup find(std::string_view service, std::string_view method) const;
  bool has_service(std::string_view name) const { return services_.contains(name); }
  /// The services of the application.
  const auto& services() const { return services_; }
  /// The number of JavaScript's methods.
  std::size_t size() const { return size_; }

 private:
  struct Key {
    std::string_view service;
    std::string_view method;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    std::size_t operator()(const Key& key) const { return (*this)(key.service) * 31 + (*this)(key.method); }
  };
  Method* insert(std::string_view name);

  std::deque<Method> methods_;  // a deque: the map's keys point into it
  std::unordered_map<Key, const Method*, Hash> by_name_;
  std::unordered_set<std::string, Hash, std::equal_to<>> services_;
  std::size_t size_ = 0;
};

}  // namespace rocket::rpc
