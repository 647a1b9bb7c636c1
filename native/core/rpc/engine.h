#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "io/io_thread_group.h"
#include "rpc/inbox_port.h"
#include "rpc/server_call.h"

namespace rocket::rpc {

/// The RPC layer's state on one io thread.
class Lane {
 public:
  explicit Lane(io::IoThread& io);

  io::IoThread& io;
  ServerCallTable server_calls;

  // io thread:
  std::shared_ptr<InboxPort> port_for(const std::shared_ptr<Inbox>& inbox);

 private:
  std::vector<std::pair<const Inbox*, std::weak_ptr<InboxPort>>> ports_;
};

/// The io threads of the process: started by the first server or channel that acquires them, ended when the last one
/// releases them, which must happen on a JavaScript thread because it joins the io threads.
class Engine {
 public:
  // any thread but an io thread:
  static std::shared_ptr<Engine> acquire();
  /// The running engine, if there is one.
  static std::shared_ptr<Engine> current();
  /// From now on exit() ends the io threads before it runs handlers that were registered earlier. So a library that
  /// these threads use, such as OpenSSL, does not free memory in use. Their objects are not destroyed.
  static void stop_at_exit();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // any thread:
  io::IoThread& main() { return threads_.main(); }
  /// The lanes of the first `count` io threads; starts threads that do not run yet.
  std::vector<Lane*> lanes(std::size_t count);
  /// The lane with that number, which must have been given out before.
  Lane& lane(std::uint32_t index) { return *lane_index_[index].load(std::memory_order_acquire); }

  struct Stats {
    std::size_t io_threads = 0;
    std::size_t queued_tasks = 0;
    std::size_t native_bytes = 0;
  };
  Stats stats();

 private:
  Engine() = default;

  io::IoThreadGroup threads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // guarded by mutex_; destroyed before the threads' wheels and pools
  std::array<std::atomic<Lane*>, io::IoThreadGroup::kMaxSubThreads> lane_index_{};
};

}  // namespace rocket::rpc
