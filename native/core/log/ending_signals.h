#pragma once

#include "log/logger.h"

namespace rocket::log {

/// From now on, when SIGTERM or SIGINT ends the process, what `logger` has not yet written is written first, by
/// async-signal-safe calls alone, for at most its flush_timeout; then the handler of before runs. Where a program has
/// taken a signal for itself, as listeners in JavaScript do, it is left alone. Any thread.
void save_from_signals(Logger& logger);
/// Before the logger is closed.
void leave_to_signals(const Logger& logger);
/// Takes those signals again that somebody has taken and then given back to the kernel, as libuv does with its last
/// listener. Any thread.
void retake_signals();

}  // namespace rocket::log
