#pragma once

#include <memory>
#include <vector>

#include "log/logger.h"

namespace rocket::log {

/// Logger::close() of all, at the same time: however many hang, the caller waits for the longest flush_timeout of them
/// and a moment more.
void close_together(const std::vector<std::shared_ptr<Logger>>& loggers);

}  // namespace rocket::log
