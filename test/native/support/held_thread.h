#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "io/io_thread.h"
#include "support/monitor.h"

namespace rocket::test {

/// Holds an io thread up until go_on(), so that it finds all that has come meanwhile in one turn.
class HeldThread {
 public:
  explicit HeldThread(io::IoThread& io) {
    const auto held = std::make_shared<Signal>();
    io.post([held, go_on = go_on_] {
      held->set();
      go_on->wait();
    });
    EXPECT_TRUE(held->wait());
  }
  ~HeldThread() { go_on(); }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;

  void go_on() { go_on_->set(); }

 private:
  const std::shared_ptr<Signal> go_on_ = std::make_shared<Signal>();
};

}  // namespace rocket::test
