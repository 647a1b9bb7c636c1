#pragma once

#include <csignal>
#include <memory>

#include "log/logger.h"

namespace rocket::log {

/// Whether a fault is expected and has already been handled (V8's WebAssembly traps). Async-signal-safe.
using RecoversFault = bool (*)(int signal, siginfo_t* info, void* context);

/// From now on, when the process dies of SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT, what `logger` has not yet written
/// is written by async-signal-safe calls alone; then the handler installed before runs. `recovers` (may be null) is
/// that of the first call.
void save_from_crashes(std::shared_ptr<Logger> logger, RecoversFault recovers);
/// Before the logger is closed.
void stop_saving_from_crashes(const Logger& logger);

}  // namespace rocket::log
