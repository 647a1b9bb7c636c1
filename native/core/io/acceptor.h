#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/address.h"
#include "io/io_thread.h"
#include "io/listener.h"

namespace rocket::io {

/// An accepted connection without an owner yet; the function that takes it owns `fd`.
struct Accepted {
  int fd;
  int family;
  PeerAddress peer;
};

/// Accepts on the main io thread and hands the descriptors out in batches. No accept error ends it: errors of a single
/// connection are skipped; if descriptors or memory run out, it pauses (10 ms, doubled up to 1 s).
class Acceptor final : public std::enable_shared_from_this<Acceptor> {
 public:
  using Deliver = std::function<void(std::vector<Accepted> batch)>;
  /// Called with the first errno of a series for which accepting pauses.
  using Starved = std::function<void(int error)>;

  Acceptor(IoThread& io, Listener listener, Deliver deliver, Starved starved = nullptr);
  ~Acceptor();

  // io thread:
  void start();
  void stop();

  // any thread:
  std::uint64_t backoffs() const { return backoffs_.load(std::memory_order_relaxed); }

  // For spawn().
  const char* task_name() const { return "acceptor"; }
  void fail() { stop(); }

 private:
  static Task<void> accept_loop(std::shared_ptr<Acceptor> self);
  /// Accepts waiting connections; returns the errno if resources ran out, or 0.
  int accept_some();

  IoThread& io_;
  const int family_;
  SocketFile file_;
  std::optional<Listener> listener_;  // until the io thread has adopted it
  Deliver deliver_;
  Starved starved_;
  Descriptor descriptor_;
  SteadyTimer backoff_timer_;
  std::atomic<std::uint64_t> backoffs_{0};
  bool stopped_ = false;
};

}  // namespace rocket::io
