#include "echo_server.h"

#include <netinet/in.h>
#include <unistd.h>

namespace rocket::echo {

void EchoShard::adopt(const std::vector<io::Accepted>& batch) {
  for (const auto& accepted : batch) {
    // Only here does asio see the socket: its reactor is the one of the thread that will wait on it.
    io::StreamSocket socket(io.context());
    std::error_code error;
    if (!closed) socket.assign({accepted.family, accepted.family == AF_UNIX ? 0 : IPPROTO_TCP}, accepted.fd, error);
    if (closed || error) {
      ::close(accepted.fd);
      continue;
    }
    const auto session = std::make_shared<EchoSession>(io, std::move(socket), tally);
    sessions.push_back(*session);
    session->start();
  }
}

void EchoShard::close() {
  closed = true;
  // close() does not end a session at once: it ends when its coroutine resumes, so the list does not change here.
  for (ListLink* link = sessions.next; link != &sessions; link = link->next) static_cast<EchoSession*>(link)->close();
}

EchoServer::EchoServer(io::Listener listener, std::size_t io_threads) {
  listener.set_stream_options();
  for (io::IoThread* thread : threads_.sub_threads(io_threads)) shards_.push_back(std::make_unique<EchoShard>(*thread));
  acceptor_ = std::make_shared<io::Acceptor>(threads_.main(), std::move(listener),
                                             [this](std::vector<io::Accepted> batch) { deliver(std::move(batch)); });
  threads_.main().post([acceptor = acceptor_] { acceptor->start(); });
}

void EchoServer::deliver(std::vector<io::Accepted> batch) {
  std::vector<std::vector<io::Accepted>> per_shard(shards_.size());
  for (const auto& accepted : batch) {
    per_shard[next_shard_].push_back(accepted);
    next_shard_ = (next_shard_ + 1) % shards_.size();
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (per_shard[i].empty()) continue;
    EchoShard& shard = *shards_[i];
    shard.io.post([&shard, mine = std::move(per_shard[i])] { shard.adopt(mine); });
  }
}

Tally EchoServer::stop() {
  threads_.main().post([acceptor = acceptor_] { acceptor->stop(); });
  // The acceptor's thread ends first, so every batch it has delivered is before close() or finds the shard closed.
  threads_.main().stop_and_join();
  for (const auto& shard : shards_) shard->io.post([&shard = *shard] { shard.close(); });
  threads_.stop_and_join();
  Tally total;
  for (const auto& shard : shards_) {
    total.sessions += shard->tally.sessions;
    total.bytes += shard->tally.bytes;
  }
  return total;
}

}  // namespace rocket::echo
