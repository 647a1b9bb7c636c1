#include "rpc/server_shard.h"

#include "base/thread_check.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "rpc/engine.h"
#include "rpc/events.h"
#include "rpc/preface.h"
#include "rpc/protocol.h"
#include "rpc/server.h"

namespace rocket::rpc {

namespace {

/// How long a peer may take to read its last replies when the server closes.
constexpr Millis kFlushTimeout{1000};
constexpr int kLogLinesPerSecond = 10;

}  // namespace

ServerShard::ServerShard(Server& server, Lane& lane)
    : server_(server),
      lane_(lane),
      counts_(server.calls.share(lane.io.index())),
      tls_(server.options().tls.context),
      ends_awaited_(lane.io),
      random_(std::random_device()()) {}

ServerShard::~ServerShard() = default;

void ServerShard::attach(std::shared_ptr<const Consumer> consumer) {
  ROCKET_ON_IO_THREAD(lane_.io);
  auto port = lane_.port_for(consumer->inbox());
  consumers_.push_back(std::make_unique<ShardConsumer>(*this, std::move(consumer), std::move(port)));
}

void ServerShard::detach(const Consumer& consumer) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const auto found = std::find_if(consumers_.begin(), consumers_.end(),
                                  [&](const auto& each) { return each->consumer.get() == &consumer; });
  if (found == consumers_.end()) return;
  for (const auto& session : sessions_) release_all(session->calls(), **found);
  release_all(orphans_, **found);
  for (const auto& session : sessions_) (*found)->port->forget(*session);
  consumers_.erase(found);
  for (const auto& session : sessions_) session->on_inbox_room();
  maybe_drained();
  maybe_closed();
}

void ServerShard::adopt(std::vector<io::Accepted> batch) {
  ROCKET_ON_IO_THREAD(lane_.io);
  for (const auto& accepted : batch) {
    if (draining_ || abandoned_) {
      ::close(accepted.fd);
      server_.on_connection_gone();
      continue;
    }
    const int protocol = accepted.family == AF_UNIX ? 0 : IPPROTO_TCP;
    io::StreamSocket socket(lane_.io.context());
    std::error_code error;
    socket.assign({accepted.family, protocol}, accepted.fd, error);
    if (error) {
      ::close(accepted.fd);
      server_.on_connection_gone();
      log("could not watch an accepted connection: " + error.message());
      continue;
    }
    auto connection = std::make_shared<io::Connection>(lane_.io, std::move(socket), accepted.peer,
                                                       server_.options().connection, server_.gauges);
    prefaces_.push_back(std::make_unique<Preface>(*this, std::move(connection)));
    prefaces_.back()->index = prefaces_.size() - 1;
    server_.counters.connections_total.fetch_add(1, std::memory_order_relaxed);
    prefaces_.back()->start();
  }
}

void ServerShard::set_tls(std::shared_ptr<const tls::Context> context) {
  ROCKET_ON_IO_THREAD(lane_.io);
  tls_ = std::move(context);
}

void ServerShard::begin_draining() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (draining_) return;
  draining_ = true;
  ends_awaited_.set(true);
  for (const auto& session : sessions_) session->begin_draining();
  maybe_drained();
}

void ServerShard::maybe_drained() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!draining_ || drained_) return;
  for (const auto& each : consumers_) {
    if (each->calls > 0) return;
  }
  drained_ = true;
  ends_awaited_.set(false);
  server_.on_shard_drained();
}

void ServerShard::finish() {
  ROCKET_ON_IO_THREAD(lane_.io);
  finishing_ = true;
  lane_.io.timers().arm(flush_timer_, lane_.io.now() + kFlushTimeout.count());
  for (const auto& session : sessions_) {
    end_session(*session, {Code::kUnavailable}, "the server closed before the call was finished");
  }
  for (const auto& preface : prefaces_) preface->connection().close(io::CloseReason::kLocal);
  maybe_closed();
}

void ServerShard::on_flush_over(Timer& timer) {
  for (const auto& session : static_cast<FlushTimer&>(timer).shard.sessions_) {
    session->connection().close(io::CloseReason::kLocal);
  }
}

void ServerShard::abandon() {
  ROCKET_ON_IO_THREAD(lane_.io);
  draining_ = finishing_ = abandoned_ = true;
  for (const auto& session : sessions_) session->connection().close(io::CloseReason::kLocal);
  for (const auto& preface : prefaces_) preface->connection().close(io::CloseReason::kLocal);
  while (!orphans_.empty()) release(static_cast<ServerCall&>(static_cast<CallLink&>(*orphans_.next)));
}

void ServerShard::maybe_closed() {
  ROCKET_ON_IO_THREAD(lane_.io);
  if (!finishing_ || closed_ || !prefaces_.empty() || !sessions_.empty() || !orphans_.empty()) return;
  // The last session may have owned the server, and JavaScript releases it when notified of the end.
  const auto keep = server_.shared_from_this();
  closed_ = true;
  lane_.io.timers().cancel(flush_timer_);
  if (!server_.on_shard_closed()) return;
  for (const auto& each : consumers_) {
    each->port->push_always(ServerClosedEvent{.server = each->consumer->number()});
  }
}

void ServerShard::end_session(CallSession& session, const Status& status, std::string_view text) {
  ROCKET_ON_IO_THREAD(lane_.io);
  end_calls(session.calls(), status, text);
  session.close();
}

Millis ServerShard::jittered(Millis time) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const auto tenths = std::uniform_int_distribution<std::int64_t>(900, 1100)(random_);
  return Millis(std::max<std::int64_t>(time.count() * tenths / 1000, 1));
}

void ServerShard::remove(CallSession& session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  // The session may have the last reference to an abandoned server, which owns this shard.
  const auto keep = server_.shared_from_this();
  const std::size_t index = session.index;
  std::swap(sessions_[index], sessions_.back());
  sessions_[index]->index = index;
  sessions_.pop_back();
  server_.on_connection_gone();
  maybe_closed();
}

void ServerShard::add(std::unique_ptr<CallSession> session) {
  ROCKET_ON_IO_THREAD(lane_.io);
  session->index = sessions_.size();
  session->lifetime().start();
  sessions_.push_back(std::move(session));
  if (draining_) sessions_.back()->begin_draining();
}

void ServerShard::forget(Preface& preface) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const std::size_t index = preface.index;
  std::swap(prefaces_[index], prefaces_.back());
  prefaces_[index]->index = index;
  prefaces_.pop_back();
}

void ServerShard::remove(Preface& preface) {
  ROCKET_ON_IO_THREAD(lane_.io);
  forget(preface);
  server_.on_connection_gone();
  maybe_closed();
}

void ServerShard::log(std::string_view line) {
  ROCKET_ON_IO_THREAD(lane_.io);
  const SteadyMs second = lane_.io.now() / 1000;
  if (second != log_second_) lines_this_second_ = 0;
  log_second_ = second;
  bool taken = ++lines_this_second_ <= kLogLinesPerSecond;
  if (taken) {
    if (const auto& sink = server_.options().log) {
      sink(line);
    } else {
      taken = !consumers_.empty() &&
              consumers_.front()->port->push(LogEvent{.server = consumers_.front()->consumer->number(), .text = line});
    }
  }
  if (!taken) server_.counters.log_lines_dropped.fetch_add(1, std::memory_order_relaxed);
}

SteadyMs ServerShard::probe() {
  ROCKET_ON_IO_THREAD(lane_.io);
  SteadyMs least = consumers_.empty() ? 0 : std::numeric_limits<SteadyMs>::max();
  for (const auto& each : consumers_) least = std::min(least, each->port->probe());
  return least;
}

}  // namespace rocket::rpc
