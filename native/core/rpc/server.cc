#include "rpc/server.h"

#include "base/thread_check.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "rpc/health.h"
#include "rpc/health_service.h"
#include "rpc/protocol.h"

namespace rocket::rpc {

/// Keeps the server alive until its drain is over; armed on the main io thread.
struct Server::DrainTimer : Timer {
  explicit DrainTimer(std::shared_ptr<Server> owner) : Timer(&Server::on_drain_over), server(std::move(owner)) {}
  std::shared_ptr<Server> server;
};

namespace {

/// The application may have a health service of its own.
MethodTable with_natives(MethodTable methods, const ServerOptions& options) {
  if (options.health_blocked_after.count() == 0) return methods;
  methods.add_native(health::kCheck, &health::check);
  for (const Protocol* protocol : options.protocols) {
    if (protocol->add_natives != nullptr) protocol->add_natives(methods);
  }
  return methods;
}

}  // namespace

Server::Server(const std::shared_ptr<Engine>& engine, const ServerOptions& options, MethodTable methods)
    : health(methods),
      calls(options.io_threads),
      options_(options),
      methods_(with_natives(std::move(methods), options)),
      engine_(*engine) {
  for (const Protocol* protocol : options_.protocols) {
    rejections_.push_back(std::make_unique<std::atomic<std::uint64_t>[]>(protocol->rejections.size()));
  }
  for (Lane* lane : engine_.lanes(options_.io_threads)) {
    shards_.push_back(std::make_unique<ServerShard>(*this, *lane));
  }
}

Server::~Server() = default;

void Server::add_consumer(const std::shared_ptr<const Consumer>& consumer) {
  consumers_.fetch_add(1);
  for (const auto& shard : shards_) {
    shard->lane().io.post([self = shared_from_this(), at = shard.get(), consumer] { at->attach(consumer); });
  }
}

void Server::remove_consumer(const std::shared_ptr<const Consumer>& consumer) {
  if (consumers_.fetch_sub(1) == 1) return abandon();
  for (const auto& shard : shards_) {
    shard->lane().io.post([self = shared_from_this(), at = shard.get(), consumer] { at->detach(*consumer); });
  }
}

std::atomic<std::uint64_t>& Server::rejections(const Protocol& protocol, std::size_t reason) const {
  const auto found = std::find(options_.protocols.begin(), options_.protocols.end(), &protocol);
  return rejections_[static_cast<std::size_t>(found - options_.protocols.begin())][reason];
}

void Server::count_rejected(const Protocol& protocol, std::size_t reason) {
  rejections(protocol, reason).fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Server::rejected(const Protocol& protocol, std::size_t reason) const {
  return rejections(protocol, reason).load(std::memory_order_relaxed);
}

void Server::listen(io::Listener listener) {
  ROCKET_ON_JS_THREAD(js_thread_);
  auto deliver = [server = shared_from_this()](std::vector<io::Accepted> batch) { server->deliver(std::move(batch)); };
  auto starved = [server = shared_from_this()](int error) { server->on_starved(error); };
  auto acceptor =
      std::make_shared<io::Acceptor>(engine_.main(), std::move(listener), std::move(deliver), std::move(starved));
  acceptors_.push_back(acceptor);
  engine_.main().post([acceptor] { acceptor->start(); });
}

void Server::deliver(std::vector<io::Accepted> batch) {
  ROCKET_ON_IO_THREAD(engine_.main());
  std::vector<std::vector<io::Accepted>> per_shard(shards_.size());
  const auto most = static_cast<std::int64_t>(options_.max_connections);
  for (const auto& accepted : batch) {
    // Only this thread adds to it.
    if (connections_admitted_.load(std::memory_order_relaxed) >= most) {
      ::close(accepted.fd);
      continue;
    }
    connections_admitted_.fetch_add(1, std::memory_order_relaxed);
    per_shard[next_shard_].push_back(accepted);
    next_shard_ = (next_shard_ + 1) % shards_.size();
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (per_shard[i].empty()) continue;
    shards_[i]->lane().io.post([self = shared_from_this(), i, mine = std::move(per_shard[i])]() mutable {
      self->shards_[i]->adopt(std::move(mine));
    });
  }
}

void Server::on_starved(int error) {
  ROCKET_ON_IO_THREAD(engine_.main());
  const std::string line = "accepting connections is paused: " + std::generic_category().message(error) +
                           (error == EMFILE ? " (ulimit -n)" : "");
  ServerShard& shard = *shards_.front();
  shard.lane().io.post([self = shared_from_this(), &shard, line] { shard.log(line); });
}

void Server::each_shard(void (ServerShard::*action)()) {
  for (const auto& shard : shards_) {
    shard->lane().io.post([self = shared_from_this(), at = shard.get(), action] { (at->*action)(); });
  }
}

void Server::stop_accepting(std::function<void()> then) {
  ROCKET_ON_JS_THREAD(js_thread_);
  engine_.main().post([acceptors = std::move(acceptors_), then = std::move(then)] {
    for (const auto& acceptor : acceptors) acceptor->stop();
    then();
  });
  acceptors_.clear();
}

// The shards drain only once the listeners are closed: code notified of the end may listen there again.
void Server::close(Millis drain) {
  stop_accepting([self = shared_from_this(), drain] {
    if (self->shards_closed_.load() == self->shards_.size()) return;
    self->cancel_drain_timer();
    self->drain_timer_ = std::make_unique<DrainTimer>(self);
    auto& io = self->engine_.main();
    io.timers().arm(*self->drain_timer_, io.now() + drain.count());
    self->each_shard(&ServerShard::begin_draining);
  });
}

void Server::abandon() {
  stop_accepting([self = shared_from_this()] { self->cancel_drain_timer(); });
  finishing_.store(true);
  each_shard(&ServerShard::abandon);
}

void Server::on_drain_over(Timer& timer) {
  const auto self = static_cast<DrainTimer&>(timer).server;
  self->finish();
}

void Server::on_shard_drained() {
  if (shards_drained_.fetch_add(1) + 1 == shards_.size()) finish();
}

void Server::finish() {
  if (!finishing_.exchange(true)) each_shard(&ServerShard::finish);
}

bool Server::on_shard_closed() {
  if (shards_closed_.fetch_add(1) + 1 < shards_.size()) return false;
  engine_.main().post([self = shared_from_this()] { self->cancel_drain_timer(); });
  return true;
}

void Server::cancel_drain_timer() {
  ROCKET_ON_IO_THREAD(engine_.main());
  if (!drain_timer_) return;
  engine_.main().timers().cancel(*drain_timer_);
  drain_timer_.reset();
}

void Server::set_tls(const std::shared_ptr<const tls::Context>& context) {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& shard : shards_) {
    shard->lane().io.post([self = shared_from_this(), at = shard.get(), context] { at->set_tls(context); });
  }
}

void Server::settle() {
  for (const auto& shard : shards_) {
    if (shard->lane().io.queued_tasks() > 0) shard->lane().io.post([] {});
  }
}

std::uint64_t Server::accept_backoffs() const {
  ROCKET_ON_JS_THREAD(js_thread_);
  std::uint64_t total = 0;
  for (const auto& acceptor : acceptors_) total += acceptor->backoffs();
  return total;
}

}  // namespace rocket::rpc
