#include "rpc/health_service.h"

#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::rpc::health {

Status status_of(ServerShard& shard, std::string_view service, SteadyMs lag) {
  const Server& server = shard.server();
  if (!service.empty() && service != kService && !server.methods().has_service(service)) return Status::kServiceUnknown;
  if (shard.draining() || !server.health.serving(service)) return Status::kNotServing;
  return lag > server.options().health_blocked_after.count() ? Status::kServingBlocked : Status::kServing;
}

NativeAnswer check(ServerShard& shard, ByteSpan request) {
  std::string_view service;
  if (!decode_request(request, service)) {
    return {{Code::kInvalidArgument, Reason::kUnreadable}, "not a rocket.health.v1.HealthCheckRequest", {}};
  }
  const SteadyMs lag = shard.probe();
  const auto calls = shard.server().calls.in_flight();
  const Response response(status_of(shard, service, lag), static_cast<std::uint32_t>(lag),
                          static_cast<std::uint32_t>(calls));
  return {{}, {}, std::string(as_text(response.bytes()))};
}

}  // namespace rocket::rpc::health
