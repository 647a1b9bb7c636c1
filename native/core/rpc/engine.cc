#include "rpc/engine.h"

#include <cstdlib>

#include "base/thread_check.h"

#include "rpc/server_shard.h"

namespace rocket::rpc {

namespace {

/// Guards the one pointer below. On the heap and never freed: process.exit() runs static destructors while io threads
/// are still running.
struct Current {
  std::mutex mutex;
  std::weak_ptr<Engine> engine;
};
Current& current_engine() {
  static auto* current = new Current;
  return *current;
}

}  // namespace

Lane::Lane(io::IoThread& io_thread) : io(io_thread), server_calls(io_thread.index(), &ServerShard::on_call_deadline) {}

std::shared_ptr<InboxPort> Lane::port_for(const std::shared_ptr<Inbox>& inbox) {
  ROCKET_ON_IO_THREAD(io);
  std::erase_if(ports_, [](const auto& entry) { return entry.second.expired(); });
  for (const auto& [key, weak] : ports_) {
    if (key == inbox.get()) return weak.lock();
  }
  auto port = std::make_shared<InboxPort>(io, inbox);
  ports_.emplace_back(inbox.get(), port);
  return port;
}

std::shared_ptr<Engine> Engine::acquire() {
  auto& [mutex, weak] = current_engine();
  const std::lock_guard lock(mutex);
  auto engine = weak.lock();
  if (!engine) {
    engine.reset(new Engine);
    weak = engine;
  }
  return engine;
}

std::shared_ptr<Engine> Engine::current() {
  auto& [mutex, weak] = current_engine();
  const std::lock_guard lock(mutex);
  return weak.lock();
}

void Engine::stop_at_exit() {
  [[maybe_unused]] static const int registered = std::atexit([] {
    const auto engine = current();
    // An io thread that exits cannot wait for itself.
    if (engine && !engine->threads_.on_one_of_them()) engine->threads_.stop_and_join();
  });
}

Engine::~Engine() { threads_.stop_and_join(); }

std::vector<Lane*> Engine::lanes(std::size_t count) {
  const auto threads = threads_.sub_threads(count);
  const std::lock_guard lock(mutex_);
  std::vector<Lane*> first;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (i == lanes_.size()) {
      lanes_.push_back(std::make_unique<Lane>(*threads[i]));
      lane_index_[i].store(lanes_.back().get(), std::memory_order_release);
    }
    first.push_back(lanes_[i].get());
  }
  return first;
}

Engine::Stats Engine::stats() {
  Stats stats;
  stats.queued_tasks = main().queued_tasks();
  for (io::IoThread* io : threads_.running_sub_threads()) {
    ++stats.io_threads;
    stats.queued_tasks += io->queued_tasks();
    stats.native_bytes += io->buffer_bytes();
  }
  const std::lock_guard lock(mutex_);
  for (const auto& lane : lanes_) stats.native_bytes += lane->server_calls.bytes();
  return stats;
}

}  // namespace rocket::rpc
