#include "rpc/service_health.h"

#include "rpc/method_table.h"

namespace rocket::rpc {

ServiceHealth::ServiceHealth(const MethodTable& methods) {
  for (const auto& service : methods.services()) services_.try_emplace(service, true);
}

void ServiceHealth::set(std::string_view service, bool serving) {
  if (service.empty()) {
    whole_.store(serving, std::memory_order_relaxed);
    for (auto& [name, state] : services_) state.store(serving, std::memory_order_relaxed);
  } else if (const auto found = services_.find(service); found != services_.end()) {
    found->second.store(serving, std::memory_order_relaxed);
  }
}

bool ServiceHealth::serving(std::string_view service) const {
  const auto found = services_.find(service);
  return (found == services_.end() ? whole_ : found->second).load(std::memory_order_relaxed);
}

}  // namespace rocket::rpc
