#include "rpc/method_table.h"

namespace rocket::rpc {

Method* MethodTable::insert(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return nullptr;
  if (by_name_.contains({name.substr(0, dot), name.substr(dot + 1)})) return nullptr;
  // (clang 14 does not construct an aggregate in place.)
  Method& method = methods_.emplace_back();
  method.name = name;
  method.service_size = dot;
  by_name_.emplace(Key{method.service(), method.method()}, &method);
  return &method;
}

bool MethodTable::add(std::string_view name, std::uint32_t string_fields, MethodKind kind) {
  Method* method = insert(name);
  if (method == nullptr) return false;
  method->index = static_cast<std::int32_t>(size_++);
  method->string_fields = string_fields;
  method->kind = kind;
  services_.emplace(method->service());
  return true;
}

bool MethodTable::add_native(std::string_view name, NativeHandler handler, MethodKind kind) {
  Method* method = insert(name);
  if (method == nullptr) return false;
  method->native = handler;
  method->kind = kind;
  return true;
}

MethodTable::Lookup MethodTable::find(std::string_view service, std::string_view method) const {
  if (const auto found = by_name_.find({service, method}); found != by_name_.end()) return {found->second};
  if (service.empty() || method.empty()) return {nullptr, Reason::kNoName};
  return {nullptr, has_service(service) ? Reason::kNoMethod : Reason::kNoService};
}

}  // namespace rocket::rpc
