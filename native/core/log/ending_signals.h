#pragma once

#include "log/logger.h"

namespace rocket::log {

/// From now on, when SIGTERM or SIGINT ends the process, what `logger` has not yet written is written first, by
/// async-signal-safe calls alone, for at most its flush_timeout; then the handler installed before runs. Where a
/// program has taken a signal for itself, as listeners in JavaScript do, it is left alone. Any thread.
void save_from_signals(Logger& logger);
/// Before the logger is closed.
void stop_saving_from_signals(const Logger& logger);
/// Takes those signals again that somebody has taken and then given back to the kernel, as libuv does with its last
/// listener. Any thread.
void retake_signals();
/// In the calling thread. Their handler waits for the log's threads, so it must not run on one of those.
void block_ending_signals();

}  // namespace rocket::log
