#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/list_link.h"
#include "base/timer_wheel.h"
#include "io/io_thread.h"
#include "io/task.h"

namespace rocket::echo {

/// Totals of the sessions of one io thread, read when that has ended.
struct Tally {
  std::uint64_t sessions = 0;
  std::uint64_t bytes = 0;
};

/// One connection: a coroutine that writes what it has read. The coroutine is its only owner, so it lives as long as
/// that runs; its shard knows it by the link. Everything is called on its io thread.
class EchoSession final : public ListLink, public std::enable_shared_from_this<EchoSession> {
 public:
  EchoSession(io::IoThread& io, io::StreamSocket socket, Tally& tally);
  ~EchoSession();

  void start();
  /// Ends the wait the coroutine is in, and with it the session.
  void close();

  // For spawn().
  const char* task_name() const { return "echo session"; }
  void fail() { close(); }

  /// A connection is closed if its peer sends nothing, or needs to read one buffer, for this long.
  static constexpr Millis kIdleTimeout{60'000};
  /// The most bytes read before they are written back: from a peer that does not read, nothing more is read.
  static constexpr std::size_t kBufferBytes = 16 * 1024;

 private:
  struct IdleTimer : Timer {
    explicit IdleTimer(EchoSession& owner) : Timer(&EchoSession::on_idle), session(owner) {}
    EchoSession& session;
  };

  static io::Task<void> echo(std::shared_ptr<EchoSession> self);
  static void on_idle(Timer& timer);
  void touch();

  io::IoThread& io_;
  io::StreamSocket socket_;
  Tally& tally_;
  IdleTimer idle_;
  std::array<std::uint8_t, kBufferBytes> buffer_;
};

}  // namespace rocket::echo
