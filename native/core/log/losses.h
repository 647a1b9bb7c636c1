#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "log/files.h"

namespace rocket::log {

/// Reports on stderr, once each, that the log cannot be written and that lines are lost. Any thread may call anything.
class Losses {
 public:
  /// `name`: of the log.
  Losses(std::string name, std::shared_ptr<Files> files) : name_(std::move(name)), files_(std::move(files)) {}

  /// A write has failed. Reported only if failures continue: a failure that ends within seconds loses nothing.
  void on_write_error(SteadyMs now, std::string_view reason);
  void on_written() { failing_since_.store(0, std::memory_order_relaxed); }
  /// Lines are dropped for lack of room. `reason` may be empty: the disk is only slow.
  void on_dropped(std::string_view reason);
  /// At the end: lines that are not written. `reason` may be empty: the disk did not accept them in time.
  void on_unwritten(std::uint64_t lines, std::string_view reason);
  /// A line after the end.
  void on_late();
  std::uint64_t late() const { return late_.load(std::memory_order_relaxed); }

 private:
  void say(std::string_view what, std::string_view reason);

  const std::string name_;
  const std::shared_ptr<Files> files_;
  std::atomic<SteadyMs> failing_since_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<bool> said_failing_{false};
  std::atomic<bool> said_dropped_{false};
  std::atomic<bool> said_unwritten_{false};
};

/// The same at a fatal signal, by async-signal-safe calls alone: some log has lost lines.
void tell_of_losses_by_signal() noexcept;

}  // namespace rocket::log
