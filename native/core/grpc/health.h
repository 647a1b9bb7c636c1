#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "rpc/method_table.h"

/// `grpc.health.v1.Health`, answered natively:
/// https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
namespace rocket::grpc::health {

enum class Serving : std::uint8_t { kUnknown, kServing, kNotServing, kServiceUnknown };

/// Status of a service, or of the server if `service` is empty. A server whose JavaScript is blocked counts as not
/// serving. `lag` is ServerShard::probe().
Serving serving_of(rpc::ServerShard& shard, std::string_view service, SteadyMs lag);
/// A HealthCheckResponse.
std::string response(Serving serving);

rpc::NativeAnswer check(rpc::ServerShard& shard, ByteSpan request);
rpc::NativeAnswer list(rpc::ServerShard& shard, ByteSpan request);
/// For a call of Watch: the requested service. The session sends the statuses.
rpc::NativeAnswer watched_service(rpc::ServerShard& shard, ByteSpan request);

/// Check, List and Watch.
void add_to(rpc::MethodTable& methods);

}  // namespace rocket::grpc::health
