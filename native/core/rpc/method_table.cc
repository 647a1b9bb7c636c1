#include "rpc/method_table.h"

namespace rocket::rpc {

bool MethodTable::add(std::string_view name, std::uint32_t string_fields) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size() || by_name_.contains(name)) return false;
  entries_.push_back({static_cast<std::int32_t>(entries_.size()), std::string(name), string_fields});
  by_name_.emplace(entries_.back().name, &entries_.back());
  services_.emplace(name.substr(0, dot));
  return true;
}

MethodTable::Lookup MethodTable::find(std::string_view name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return {found->second};
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return {nullptr, Reason::kNoName};
  const bool known_service = services_.contains(name.substr(0, dot));
  return {nullptr, known_service ? Reason::kNoMethod : Reason::kNoService};
}

}  // namespace rocket::rpc
