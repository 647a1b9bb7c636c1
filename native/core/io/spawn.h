#pragma once

#include <cstdio>
#include <exception>
#include <utility>

#include <asio/co_spawn.hpp>

#include "io/task.h"

namespace rocket::io {

/// Starts a coroutine of `owner`. An exception that leaves it means a bug or out of memory: it is reported on stderr
/// and ends `owner` through fail(); it is never swallowed.
template <typename Executor, typename Owner>
void spawn(Executor& executor, Owner owner, Task<void> coroutine) {
  asio::co_spawn(executor, std::move(coroutine), [owner = std::move(owner)](std::exception_ptr error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      std::fprintf(stderr, "rocket-rpc: internal error in %s: %s\n", owner->task_name(), exception.what());
    }
    owner->fail();
  });
}

}  // namespace rocket::io
