#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "echo_session.h"
#include "io/acceptor.h"
#include "io/io_thread_group.h"
#include "io/listener.h"

namespace rocket::echo {

/// The sessions of one io thread, and touched on no other once that runs.
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

/// One main thread accepts and gives each connection to one of several io threads, in turn; there it lives and dies.
class EchoServer {
 public:
  EchoServer(io::Listener listener, std::size_t io_threads);
  ~EchoServer() { stop(); }

  /// Closes the listener and every connection, ends the threads, and says what they have done. Call it on no io thread.
  Tally stop();

 private:
  // main thread:
  void deliver(std::vector<io::Accepted> batch);

  // Behind the threads: a session may still be in a handler that its thread's context owns, and leaves its shard's list
  // when that goes.
  std::vector<std::unique_ptr<EchoShard>> shards_;
  std::size_t next_shard_ = 0;
  io::IoThreadGroup threads_;
  std::shared_ptr<io::Acceptor> acceptor_;
};

}  // namespace rocket::echo
