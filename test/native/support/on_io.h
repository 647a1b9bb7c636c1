#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "io/io_thread.h"
#include "support/monitor.h"

namespace rocket::test {

/// Runs `work` on the io thread and waits until it is done, and with it everything that was posted before.
inline void on_io(io::IoThread& io, std::function<void()> work) {
  const auto done = std::make_shared<Signal>();
  io.post([work = std::move(work), done] {
    work();
    done->set();
  });
  ASSERT_TRUE(done->wait());
}

/// Waits until `holds`, which reads what io threads change without telling anybody (gauges, counters). Not a sleep:
/// each look is preceded by a turn of every thread of `ios`.
inline bool eventually(const std::vector<io::IoThread*>& ios, const std::function<bool()>& holds) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    for (io::IoThread* io : ios) on_io(*io, [] {});
    std::this_thread::yield();
  }
  return true;
}

}  // namespace rocket::test
