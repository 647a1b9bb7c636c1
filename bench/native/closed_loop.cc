#include "closed_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rocket::bench {
namespace {

constexpr std::size_t kScratchBytes = 256 * 1024;
constexpr std::int64_t kReopenPauseNanos = 50'000'000;
constexpr std::int64_t kSweepNanos = 10'000'000;
constexpr int kTurnMillis = 10;
constexpr std::uint32_t kShortCallSources = 64;
constexpr std::uint32_t kHangup = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

std::int64_t nanos(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }

void announce(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

}  // namespace

ClosedLoop::ClosedLoop(const Options& options, const sockaddr_in& server)
    : options_(options),
      server_(server),
      loopback_(ntohl(server.sin_addr.s_addr) >> 24 == 127),
      timeout_nanos_(std::int64_t{options.timeout_ms} * 1'000'000),
      tinypb_request_(options.method, options.body_bytes, options.deadline_ms),
      grpc_request_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.connections),
      scratch_(kScratchBytes) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1 failed");
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    connections_[i].index = i;
    connections_[i].slots.resize(options.inflight);
    waiting_.push_back({i, 0});
  }
}

ClosedLoop::~ClosedLoop() {
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) ::close(connection.fd);
  }
  ::close(epoll_);
}

ClosedLoop::Outcome ClosedLoop::run() {
  now_ = monotonic_nanos();
  if (!connect_all()) return Outcome::kNeverConnected;
  calling_ = true;
  for (Connection& connection : connections_) {
    if (connection.state == State::kOpen) start_calls(connection);
  }
  run_until(now_ + nanos(options_.warmup_seconds));
  tally_ = Tally{};
  announce("measuring");
  const std::int64_t opened = now_ = monotonic_nanos();
  run_until(opened + nanos(options_.seconds));
  tally_.seconds = static_cast<double>(now_ - opened) / 1e9;
  announce("done");
  close_window();
  return Outcome::kMeasured;
}

bool ClosedLoop::connect_all() {
  const std::int64_t deadline = now_ + timeout_nanos_;
  while (attempted_ < connections_.size() && now_ < deadline) turn();
  return ever_connected_;
}

void ClosedLoop::run_until(std::int64_t end_nanos) {
  while (now_ < end_nanos) turn();
}

void ClosedLoop::close_window() {
  for (const Connection& connection : connections_) {
    for (const Slot& slot : connection.slots) {
      if (!slot.in_flight) continue;
      tally_.unfinished += 1;
      tally_.oldest_unfinished_nanos = std::max(tally_.oldest_unfinished_nanos, now_ - slot.started_nanos);
    }
  }
}

void ClosedLoop::turn() {
  open_waiting();
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kTurnMillis);
  now_ = monotonic_nanos();
  for (int i = 0; i < count; ++i) on_event(connections_[events[i].data.u32], events[i].events);
  if (now_ >= next_sweep_nanos_) {
    next_sweep_nanos_ = now_ + kSweepNanos;
    sweep();
  }
}

void ClosedLoop::sweep() {
  for (Connection& connection : connections_) {
    switch (connection.state) {
      case State::kClosed: break;
      case State::kConnecting:
        if (now_ - connection.connect_started_nanos > timeout_nanos_) connect_failed(connection);
        break;
      case State::kOpen: expire(connection); break;
    }
  }
}

void ClosedLoop::open_waiting() {
  while (!waiting_.empty() && waiting_.front().not_before_nanos <= now_) {
    // Callers with a connection per call stand for as many clients, which would not wait for each other.
    if (!options_.connection_per_call && !pace_.allow(now_)) return;
    Connection& connection = connections_[waiting_.front().index];
    waiting_.pop_front();
    open(connection);
  }
}

void ClosedLoop::open(Connection& connection) {
  std::uint32_t source = 0;
  if (loopback_ && options_.connection_per_call) {
    source = 1 + static_cast<std::uint32_t>(opened_ % kShortCallSources);
  } else if (loopback_ && options_.connections > kConnectionsPerSource) {
    source = 1 + connection.index / kConnectionsPerSource;
  }
  opened_ += 1;
  connection.connect_started_nanos = monotonic_nanos();
  connection.state = State::kConnecting;
  const ConnectAttempt attempt = start_connect(server_, source);
  connection.fd = attempt.fd;
  if (attempt.state == ConnectAttempt::State::kFailed) return connect_failed(connection);

  // Edge triggered and for both directions at once: no further epoll_ctl in the life of the connection.
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  interest.data.u32 = connection.index;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &interest) != 0) return connect_failed(connection);
  if (attempt.state == ConnectAttempt::State::kConnected) connected(connection);
}

void ClosedLoop::connected(Connection& connection) {
  ever_connected_ = true;
  connection.state = State::kOpen;
  attempt_ended(connection);
  connection.wire = new_wire();
  connection.wire->open(connection.out);
  if (calling_) start_calls(connection);
}

std::unique_ptr<Wire> ClosedLoop::new_wire() const {
  if (options_.grpc) return std::make_unique<GrpcWire>(grpc_request_, options_.inflight);
  return std::make_unique<TinypbWire>(tinypb_request_);
}

void ClosedLoop::start_calls(Connection& connection) {
  const std::int64_t started = options_.connection_per_call ? connection.connect_started_nanos : now_;
  for (std::uint32_t slot = 0; slot < connection.slots.size(); ++slot) issue(connection, slot, started);
  flush(connection);
}

void ClosedLoop::attempt_ended(Connection& connection) {
  if (connection.attempted) return;
  connection.attempted = true;
  attempted_ += 1;
}

void ClosedLoop::connect_failed(Connection& connection) {
  attempt_ended(connection);
  fail("connect");
  close(connection, now_ + kReopenPauseNanos);
}

// The calls that were in flight fail; the connection is opened again after a pause.
void ClosedLoop::drop(Connection& connection, const char* reason) {
  for (const Slot& slot : connection.slots) {
    if (slot.in_flight) fail(reason);
  }
  close(connection, now_ + kReopenPauseNanos);
}

void ClosedLoop::close(Connection& connection, std::int64_t reopen_nanos) {
  if (connection.fd >= 0) ::close(connection.fd);
  connection.fd = -1;
  connection.state = State::kClosed;
  for (Slot& slot : connection.slots) slot.in_flight = false;
  connection.out.clear();
  connection.sent = 0;
  connection.partial.clear();
  connection.late_replies = 0;
  if (reopen_nanos <= now_) {
    waiting_.push_front({connection.index, reopen_nanos});
  } else {
    waiting_.push_back({connection.index, reopen_nanos});
  }
}

void ClosedLoop::on_event(Connection& connection, std::uint32_t events) {
  if (connection.state == State::kConnecting) {
    if (connect_error(connection.fd) != 0) return connect_failed(connection);
    if ((events & EPOLLOUT) == 0) return;
    connected(connection);
  }
  if (connection.state == State::kOpen && (events & (EPOLLIN | kHangup)) != 0) receive(connection, events);
  if (connection.state == State::kOpen) flush(connection);
}

void ClosedLoop::receive(Connection& connection, std::uint32_t events) {
  bool more = true;
  while (more) {
    const std::size_t kept = connection.partial.size();
    if (kept > 0) std::memcpy(scratch_.data(), connection.partial.data(), kept);
    const std::size_t room = scratch_.size() - kept;
    const ssize_t got = ::recv(connection.fd, scratch_.data() + kept, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return drop(connection, "closed");
    tally_.bytes += static_cast<std::uint64_t>(got);
    now_ = monotonic_nanos();

    std::span<const std::uint8_t> rest(scratch_.data(), kept + static_cast<std::size_t>(got));
    for (;;) {
      const Answer answer = connection.wire->next(rest, connection.out);
      if (answer.kind == Answer::Kind::kMalformed) return drop(connection, "malformed");
      if (answer.kind == Answer::Kind::kIncomplete) break;
      if (answer.kind == Answer::Kind::kReply) on_reply(connection, answer);
      if (connection.state != State::kOpen) return;
      rest = rest.subspan(answer.bytes);
    }
    connection.partial.assign(rest.begin(), rest.end());
    flush(connection);
    if (connection.state != State::kOpen) return;
    // A short read means the socket is empty, except that the edge of a hang-up comes but once.
    more = static_cast<std::size_t>(got) == room || (events & kHangup) != 0;
  }
}

void ClosedLoop::on_reply(Connection& connection, const Answer& answer) {
  const auto& id = answer.id;
  const bool ours = id && id->slot < connection.slots.size() && connection.slots[id->slot].in_flight &&
                    connection.slots[id->slot].sequence == id->sequence;
  if (!ours) {
    if (connection.late_replies > 0) {
      connection.late_replies -= 1;
    } else {
      fail("unmatched");
    }
    return;
  }
  Slot& slot = connection.slots[id->slot];
  slot.in_flight = false;
  if (answer.code == 0) {
    tally_.latency.record(static_cast<std::uint64_t>(now_ - slot.started_nanos));
  } else {
    fail(std::to_string(answer.code));
  }
  if (options_.connection_per_call) {
    close(connection, now_);
  } else {
    issue(connection, id->slot, now_);
  }
}

void ClosedLoop::expire(Connection& connection) {
  // When the server has stopped reading, a new request could only pile up behind the old ones.
  const bool stuck = options_.connection_per_call || !connection.out.empty();
  for (std::uint32_t i = 0; i < connection.slots.size(); ++i) {
    const Slot& slot = connection.slots[i];
    if (!slot.in_flight || now_ - slot.started_nanos <= timeout_nanos_) continue;
    if (stuck) return drop(connection, "timeout");
    fail("timeout");
    connection.late_replies += 1;
    issue(connection, i, now_);
  }
  flush(connection);
}

void ClosedLoop::issue(Connection& connection, std::uint32_t slot, std::int64_t started_nanos) {
  sequence_ += 1;
  connection.slots[slot] = {.in_flight = true, .sequence = sequence_, .started_nanos = started_nanos};
  connection.wire->request(connection.out, {slot, sequence_});
}

void ClosedLoop::flush(Connection& connection) {
  while (!connection.out.empty()) {
    const std::size_t left = connection.out.size() - connection.sent;
    const ssize_t put = ::send(connection.fd, connection.out.data() + connection.sent, left, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN) return drop(connection, "closed");
    if (put < 0) break;
    tally_.bytes += static_cast<std::uint64_t>(put);
    connection.sent += static_cast<std::size_t>(put);
    if (static_cast<std::size_t>(put) < left) continue;
    connection.out.clear();
    connection.sent = 0;
  }
  // New requests are appended while old ones wait for the socket, so what was sent has to go now and then.
  if (connection.sent > connection.out.size() / 2) {
    connection.out.erase(connection.out.begin(), connection.out.begin() + static_cast<std::ptrdiff_t>(connection.sent));
    connection.sent = 0;
  }
}

}  // namespace rocket::bench
