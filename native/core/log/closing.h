#pragma once

#include <memory>
#include <vector>

#include "log/logger.h"

namespace rocket::log {

/// Closes all loggers at the same time: however many hang, the caller waits only a little longer than the longest
/// flush_timeout among them.
void close_together(const std::vector<std::shared_ptr<Logger>>& loggers);

}  // namespace rocket::log
