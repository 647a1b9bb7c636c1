#include "log/crash.h"

#include <array>
#include <atomic>
#include <mutex>

namespace rocket::log {

namespace {

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

std::array<std::atomic<Logger*>, 32> saved{};
std::array<struct sigaction, kSignals.size()> before{};
std::atomic<RecoversFault> recovers_fault{nullptr};
std::atomic<bool> crashed{false};

void on_crash(int signal, siginfo_t* info, void* context) {
  const RecoversFault recovers = recovers_fault.load(std::memory_order_acquire);
  if (recovers != nullptr && signal == SIGSEGV && recovers(signal, info, context)) return;
  if (!crashed.exchange(true, std::memory_order_seq_cst)) {
    for (const auto& slot : saved) {
      if (Logger* const logger = slot.load(std::memory_order_acquire); logger != nullptr) logger->write_out();
    }
  }
  std::size_t index = 0;
  while (index < kSignals.size() && kSignals[index] != signal) ++index;
  const struct sigaction& old = before[index];
  if ((old.sa_flags & SA_SIGINFO) != 0) return old.sa_sigaction(signal, info, context);
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
  // Delivered when this handler returns.
  sigaction(signal, &old, nullptr);
  raise(signal);
}

void install(RecoversFault recovers) {
  recovers_fault.store(recovers, std::memory_order_release);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], nullptr, &before[i]);
    sigaction(kSignals[i], &action, nullptr);
  }
}

}  // namespace

void save_from_crashes(std::shared_ptr<Logger> logger, RecoversFault recovers) {
  static std::once_flag installed;
  std::call_once(installed, install, recovers);
  for (auto& slot : saved) {
    Logger* nobody = nullptr;
    if (slot.compare_exchange_strong(nobody, logger.get())) return;
  }
}

void leave_to_crashes(const Logger& logger) {
  for (auto& slot : saved) {
    if (slot.load(std::memory_order_relaxed) == &logger) slot.store(nullptr, std::memory_order_release);
  }
}

}  // namespace rocket::log
