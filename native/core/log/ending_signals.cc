#include "log/ending_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <limits>
#include <mutex>

#include "log/saved_loggers.h"

namespace rocket::log {

namespace {

constexpr std::array kEndingSignals{SIGTERM, SIGINT};
/// Time for threads to stop, and for writes that the disk accepts at once.
constexpr Millis kForTheRest{200};
constexpr SteadyMs kNotYet = std::numeric_limits<SteadyMs>::max();

SavedLoggers saved;

struct Taken {
  bool ever = false;
  struct sigaction before {};
};
std::mutex taking;
std::array<Taken, kEndingSignals.size()> taken;  // guarded by taking, but for the handler

/// When the first signal came, and whether its work is done.
std::atomic<SteadyMs> began{kNotYet};
std::atomic<bool> done{false};

Millis longest_timeout() {
  Millis longest{0};
  saved.for_each([&](const Logger& logger) { longest = std::max(longest, logger.options().flush_timeout); });
  return longest;
}

void on_ending_signal(int signal, siginfo_t*, void*) {
  // The kernel does not end the first process of a container by a signal for which it has no handler.
  if (::getpid() == 1) return;
  SteadyMs first = kNotYet;
  const SteadyMs now = steady_now_ms();
  std::size_t index = 0;
  while (kEndingSignals[index] != signal) ++index;
  struct sigaction next = taken[index].before;
  if (began.compare_exchange_strong(first, now)) {
    saved.write_out(longest_timeout());
    done.store(true, std::memory_order_release);
  } else if (!done.load(std::memory_order_acquire) && now - first <= (longest_timeout() + kForTheRest).count()) {
    return;  // another thread is at it, and then ends the process
  } else {
    next = {};
    next.sa_handler = SIG_DFL;
  }
  sigaction(signal, &next, nullptr);
  // Delivered when this handler returns.
  raise(signal);
}

/// libuv's handler, and one set by signal(), is a plain handler that restarts system calls: it is the program's own,
/// and the program decides how to end the process. The handler of another copy of this library is not a plain one, and
/// Node.js's own, which resets the terminal and is only installed at startup, does not restart system calls.
bool may_take(const struct sigaction& found, bool again) {
  if (found.sa_flags & SA_SIGINFO) return !again;
  if (found.sa_handler == SIG_DFL) return true;
  return found.sa_handler != SIG_IGN && (found.sa_flags & SA_RESTART) == 0 && !again;
}

}  // namespace

void retake_signals() {
  const std::lock_guard lock(taking);
  for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
    struct sigaction found {};
    sigaction(kEndingSignals[i], nullptr, &found);
    if (!may_take(found, taken[i].ever)) continue;
    taken[i] = {.ever = true, .before = found};
    struct sigaction action {};
    action.sa_sigaction = on_ending_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (const int signal : kEndingSignals) sigaddset(&action.sa_mask, signal);
    sigaction(kEndingSignals[i], &action, nullptr);
  }
}

void block_ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kEndingSignals) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void save_from_signals(Logger& logger) {
  saved.add(logger);
  retake_signals();
}

void stop_saving_from_signals(const Logger& logger) { saved.remove(logger); }

}  // namespace rocket::log
