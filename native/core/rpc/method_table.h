#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "rpc/status.h"

namespace rocket::rpc {

/// Which method number a name on the wire stands for. Filled before the server listens, immutable from then on, so
/// every io thread reads it without a lock.
class MethodTable {
 public:
  struct Entry {
    std::int32_t number;
    std::string name;
    std::uint32_t string_fields;  ///< of its request (Event::string_fields)
  };
  struct Lookup {
    const Entry* entry = nullptr;
    Reason why = Reason::kNone;  ///< there is no entry
  };

  /// `name` is `Service.method`, split at its last dot; false when it is taken or has no dot.
  bool add(std::string_view name, std::uint32_t string_fields = 0);
  Lookup find(std::string_view name) const;
  bool has_service(std::string_view name) const { return services_.contains(name); }
  const auto& services() const { return services_; }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::deque<Entry> entries_;  // a deque: the map's keys point into it
  std::unordered_map<std::string_view, const Entry*> by_name_;
  std::unordered_set<std::string, Hash, std::equal_to<>> services_;
};

}  // namespace rocket::rpc
