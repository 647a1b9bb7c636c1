#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "echo_session.h"
#include "io/acceptor.h"
#include "io/io_thread_group.h"
#include "io/listener.h"

namespace rocket::echo {

/// The sessions of one io thread; used on no other thread once that runs.
struct EchoShard {
  explicit EchoShard(io::IoThread& thread) : io(thread) {}

  // io thread:
  void adopt(const std::vector<io::Accepted>& batch);
  void close();

  io::IoThread& io;
  Tally tally;
  ListLink sessions;
  bool closed = false;
};

/// One main thread accepts and gives each connection to one of several io threads, in turn; the connection stays there.
class EchoServer {
 public:
  EchoServer(io::Listener listener, std::size_t io_threads);
  ~EchoServer() { stop(); }

  /// Closes the listener and every connection, ends the threads, and returns their totals. Must not be called on an io
  /// thread.
  Tally stop();

 private:
  // main thread:
  void deliver(std::vector<io::Accepted> batch);

  // Declared before the threads, so destroyed after them: a session may still be in a handler owned by its thread's
  // context, and leaves its shard's list when the context is destroyed.
  std::vector<std::unique_ptr<EchoShard>> shards_;
  std::size_t next_shard_ = 0;
  io::IoThreadGroup threads_;
  std::shared_ptr<io::Acceptor> acceptor_;
};

}  // namespace rocket::echo
