#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "io/address.h"
#include "io/io_thread.h"
#include "io/task.h"

namespace rocket::echo {

struct LoadPlan {
  io::Address server;
  std::size_t connections = 0;
  std::size_t echoes = 0;
  std::size_t bytes = 0;
};

struct LoadResult {
  /// Messages that came back as they were sent.
  std::uint64_t equal = 0;
  /// The first error, as text; empty if there was none.
  std::string failure;
};

/// Callers on one io thread, each with a connection: it sends a message, waits for all of it to come back, compares,
/// and sends the next. The coroutines own it; what it counts belongs to its io thread until `done` is fulfilled.
class EchoLoad final : public std::enable_shared_from_this<EchoLoad> {
 public:
  EchoLoad(io::IoThread& io, LoadPlan plan);

  // any thread:
  std::future<LoadResult> done() { return done_.get_future(); }
  void start();

  // io thread, for spawn():
  const char* task_name() const { return "echo caller"; }
  void fail() { caller_ended("internal error"); }

 private:
  static io::Task<void> call(std::shared_ptr<EchoLoad> self, std::uint32_t caller);
  /// An empty string, or the reason why it stopped.
  static io::Task<std::string> echo_all(std::shared_ptr<EchoLoad> self, std::uint32_t caller);
  void caller_connected();
  void caller_ended(const std::string& failure);

  io::IoThread& io_;
  const LoadPlan plan_;
  std::size_t connected_ = 0;
  std::size_t running_;
  LoadResult result_;
  std::promise<LoadResult> done_;
};

}  // namespace rocket::echo
