#pragma once

#include <string_view>

#include "base/clock.h"
#include "rpc/health.h"
#include "rpc/method_table.h"

namespace rocket::rpc::health {

/// The status of a service, or of the server if `service` is empty. `lag` is ServerShard::probe().
Status status_of(ServerShard& shard, std::string_view service, SteadyMs lag);

/// Answers a HealthCheckRequest with the state of the shard.
NativeAnswer check(ServerShard& shard, ByteSpan request);

}  // namespace rocket::rpc::health
