#include "log/crash.h"

#include <array>
#include <atomic>
#include <mutex>

#include "log/saved_loggers.h"

namespace rocket::log {

namespace {

constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
/// Time for the disk, or for the reader of a pipe, while the process dies.
constexpr Millis kLongestWait{1000};

SavedLoggers saved_from_crashes;
std::array<struct sigaction, kCrashes.size()> before{};
std::atomic<RecoversFault> recovers_fault{nullptr};
std::atomic<bool> crashed{false};

void on_crash(int signal, siginfo_t* info, void* context) {
  const RecoversFault recovers = recovers_fault.load(std::memory_order_acquire);
  if (recovers != nullptr && signal == SIGSEGV && recovers(signal, info, context)) return;
  if (!crashed.exchange(true, std::memory_order_seq_cst)) {
    saved_from_crashes.write_out(kLongestWait);
  }
  std::size_t index = 0;
  while (index < kCrashes.size() && kCrashes[index] != signal) ++index;
  const struct sigaction& old = before[index];
  if ((old.sa_flags & SA_SIGINFO) != 0) return old.sa_sigaction(signal, info, context);
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
  // Delivered when this handler returns.
  sigaction(signal, &old, nullptr);
  raise(signal);
}

void install(RecoversFault recovers) {
  recovers_fault.store(recovers, std::memory_order_release);
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(kCrashes[i], nullptr, &before[i]);
    sigaction(kCrashes[i], &action, nullptr);
  }
}

}  // namespace

void save_from_crashes(std::shared_ptr<Logger> logger, RecoversFault recovers) {
  static std::once_flag installed;
  std::call_once(installed, install, recovers);
  saved_from_crashes.add(*logger);
}

void stop_saving_from_crashes(const Logger& logger) { saved_from_crashes.remove(logger); }

}  // namespace rocket::log
