#include "log/losses.h"

#include <poll.h>
#include <unistd.h>

namespace rocket::log {

namespace {

constexpr SteadyMs kSaidAfterMs = 5000;

}  // namespace

void Losses::on_write_error(SteadyMs now, std::string_view reason) {
  SteadyMs since = 0;
  if (failing_since_.compare_exchange_strong(since, now) || now - since < kSaidAfterMs) return;
  if (said_failing_.exchange(true)) return;
  say("cannot be written; its lines are kept while there is room (options bufferBytes, queueBytes)", reason);
}

void Losses::on_dropped(std::string_view reason) {
  if (said_dropped_.exchange(true)) return;
  said_failing_.store(true);
  say("loses lines (stats().linesDropped; options bufferBytes, queueBytes, whenFull)",
      reason.empty() ? "they come faster than they can be written" : reason);
}

void Losses::on_unwritten(std::uint64_t lines, std::string_view reason) {
  if (lines == 0 || said_unwritten_.exchange(true)) return;
  say("has lost " + std::to_string(lines) + (lines == 1 ? " line" : " lines") + " at its end",
      reason.empty() ? "they were not written in time (option flushTimeoutMs)" : reason);
}

void Losses::on_late() {
  if (late_.fetch_add(1) == 0) say("loses lines", "they are logged after it was closed");
}

void Losses::say(std::string_view what, std::string_view reason) {
  std::string text = "rocket-rpc: the log " + name_ + " ";
  text += what;
  text += ": ";
  text += reason;
  text += '\n';
  files_->tell(text);
}

void tell_of_losses_by_signal() noexcept {
  constexpr std::string_view kText = "rocket-rpc: a log has lost lines at the end: they were not written in time\n";
  pollfd one{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&one, 1, 0) != 1) return;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
}

}  // namespace rocket::log
