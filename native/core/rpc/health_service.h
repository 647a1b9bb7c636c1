#pragma once

#include "rpc/method_table.h"

namespace rocket::rpc::health {

/// Answers a HealthCheckRequest from what the shard knows.
NativeAnswer check(ServerShard& shard, ByteSpan request);

}  // namespace rocket::rpc::health
