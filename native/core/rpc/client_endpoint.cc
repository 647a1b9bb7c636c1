#include "rpc/client_endpoint.h"

#include "base/thread_check.h"

#include <algorithm>

namespace rocket::rpc {

namespace {

/// Smaller is better.
int rank(LinkState state) {
  switch (state) {
    case LinkState::kReady: return 0;
    case LinkState::kConnecting: return 1;
    case LinkState::kIdle: return 2;
    case LinkState::kFailed: return 3;
    case LinkState::kClosed: return 4;
  }
  return 4;
}

}  // namespace

ClientEndpoint::ClientEndpoint(Engine& engine, std::shared_ptr<ClientChannel> channel,
                               std::shared_ptr<ClientEndpointInfo> info, const std::vector<io::Address>& addresses)
    : channel_(std::move(channel)) {
  const auto lanes = engine.lanes(channel_->options.io_threads);
  const std::size_t count = channel_->options.short_connections ? lanes.size() : channel_->options.connections;
  // Endpoints begin at different io threads, so that many with one connection each do not overload the first.
  const auto first = static_cast<std::size_t>(info->number);
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
    Lane& lane = *lanes[(first + i) % lanes.size()];
    sessions_.push_back(std::make_shared<tinypb::ClientSession>(channel_, info, lane, static_cast<std::uint32_t>(i),
                                                                std::max<std::size_t>(count, 1), addresses));
    lane.io.post([session = sessions_.back()] { session->attach(); });
  }
}

tinypb::ClientSession& ClientEndpoint::pick() {
  ROCKET_ON_JS_THREAD(js_thread_);
  tinypb::ClientSession* best = nullptr;
  int best_rank = 0;
  next_ = (next_ + 1) % sessions_.size();
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    tinypb::ClientSession& session = *sessions_[(next_ + i) % sessions_.size()];
    const int session_rank = rank(session.state());
    if (best == nullptr || session_rank < best_rank) {
      best = &session;
      best_rank = session_rank;
    }
    if (best_rank == 0) break;
  }
  return *best;
}

void ClientEndpoint::connect() {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& session : sessions_) session->lane().io.post([session] { session->connect_now(); });
}

void ClientEndpoint::set_addresses(const std::vector<io::Address>& addresses) {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& session : sessions_) {
    session->lane().io.post([session, addresses] { session->set_addresses(addresses); });
  }
}

void ClientEndpoint::close() {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& session : sessions_) session->lane().io.post([session] { session->close(); });
}

}  // namespace rocket::rpc
