#pragma once

#include "log/logger.h"

namespace rocket::log {

/// From now on, when SIGTERM or SIGINT ends the process, what `logger` has not yet written is written first, by
/// async-signal-safe calls alone, for at most its flush_timeout; then the handler installed before runs. A signal for
/// which the program has installed its own handler, as JavaScript listeners do, is left alone. Any thread.
void save_from_signals(Logger& logger);
/// Before the logger is closed.
void stop_saving_from_signals(const Logger& logger);
/// Installs the handlers again for signals that were reset to the kernel's default, as libuv does when the last
/// listener is removed. Any thread.
void retake_signals();
/// In the calling thread. Their handler waits for the log's threads, so it must not run on one of those.
void block_ending_signals();

}  // namespace rocket::log
