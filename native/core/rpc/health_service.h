#pragma once

#include <string_view>

#include "base/clock.h"
#include "rpc/health.h"
#include "rpc/method_table.h"

namespace rocket::rpc::health {

/// How a service stands, or the server (`service` is empty); `lag` is ServerShard::probe().
Status status_of(ServerShard& shard, std::string_view service, SteadyMs lag);

/// Answers a HealthCheckRequest from what the shard knows.
NativeAnswer check(ServerShard& shard, ByteSpan request);

}  // namespace rocket::rpc::health
