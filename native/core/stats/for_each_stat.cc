#include "stats/for_each_stat.h"

#include <array>
#include <atomic>
#include <cstddef>

#include "io/connection.h"
#include "rpc/foreign_protocol.h"
#include "rpc/protocol.h"

namespace rocket::stats {

namespace {

template <typename Number>
Stat counter(const char* name, Number value) {
  return {name, Kind::kCounter, static_cast<double>(value)};
}

template <typename Number>
Stat gauge(const char* name, Number value) {
  return {name, Kind::kGauge, static_cast<double>(value)};
}

/// A counter for each value of an enum, from `first` on.
template <typename Enum, std::size_t count>
void each(const char* name, const char* label_name, const std::array<std::atomic<std::uint64_t>, count>& values,
          std::size_t first, const char* (*name_of)(Enum), const Visit& visit) {
  for (std::size_t i = first; i < count; ++i) {
    visit({name, Kind::kCounter, static_cast<double>(values[i].load()), label_name, name_of(static_cast<Enum>(i))});
  }
}

}  // namespace

void for_each_stat(const rpc::Server& server, const Visit& visit) {
  const auto& counters = server.counters;
  const auto queued = server.gauges.queued_bytes.load();
  visit(gauge("connections", server.gauges.open.load()));
  visit(gauge("queuedBytes", queued));
  visit(gauge("nativeBytes", queued + server.gauges.partial_bytes.load()));
  visit(counter("connectionsTotal", counters.connections_total.load()));
  visit(gauge("callsInFlight", server.calls.in_flight()));
  visit(counter("callsTotal", server.calls.begun()));
  visit(counter("callsExpired", counters.calls_expired.load()));
  visit(counter("callsRefused", counters.calls_refused.load()));
  visit(counter("logLinesDropped", counters.log_lines_dropped.load()));
  visit(counter("acceptBackoffs", server.accept_backoffs()));
  visit(gauge("handshakes", counters.handshakes.load()));
  visit(counter("handshakesRefused", counters.handshakes_refused.load()));
  for (const rpc::Protocol* protocol : server.options().protocols) {
    for (std::size_t i = 0; i < protocol->rejections.size(); ++i) {
      const auto rejected = static_cast<double>(server.rejected(*protocol, i));
      visit({"framesRejected", Kind::kCounter, rejected, "reason", protocol->rejections[i]});
    }
  }
  // The first is none: kNone.
  each<rpc::Foreign>("foreignConnections", "protocol", counters.foreign_connections, 1, rpc::name_of, visit);
  each<io::CloseReason>("connectionsClosed", "reason", counters.connections_closed, 0, io::name_of, visit);
}

void for_each_stat(const rpc::ClientChannel& channel, const Visit& visit) {
  const auto& counters = channel.counters;
  const auto queued = channel.gauges.queued_bytes.load();
  const auto waiting = counters.waiting_bytes.load();
  visit(gauge("connections", channel.gauges.open.load()));
  visit(gauge("queuedBytes", queued));
  visit(gauge("nativeBytes", queued + channel.gauges.partial_bytes.load() + waiting));
  visit(gauge("waitingBytes", waiting));
  visit(gauge("callsInFlight", channel.calls.in_flight()));
  visit(counter("callsTotal", channel.calls.begun()));
  visit(counter("connects", counters.connects.load()));
  visit(counter("connectFailures", counters.connect_failures.load()));
  visit(counter("lateReplies", counters.late_replies.load()));
  visit(counter("framesRejected", counters.frames_rejected.load()));
}

void for_each_stat(rpc::Engine* engine, const rpc::Inbox& inbox, const rpc::Outbox& outbox, const Visit& visit) {
  const auto depth = inbox.depth();
  visit(gauge("inboxEvents", depth.events));
  visit(gauge("inboxBytes", depth.bytes));
  visit(counter("inboxDropped", depth.dropped));
  const auto& sent = outbox.stats();
  visit(counter("flushes", sent.flushes));
  visit(counter("commands", sent.commands));
  visit(counter("directSends", sent.direct_sends));
  const auto threads = engine == nullptr ? rpc::Engine::Stats{} : engine->stats();
  visit(gauge("ioThreads", threads.io_threads));
  visit(gauge("queuedTasks", threads.queued_tasks));
  visit(gauge("nativeBytes", threads.native_bytes));
}

}  // namespace rocket::stats
