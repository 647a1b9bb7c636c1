#include "rpc/client_endpoint.h"

#include "base/thread_check.h"

#include <algorithm>

namespace rocket::rpc {

namespace {

/// Smaller is better.
int rank(const ClientLink& link) {
  switch (link.state()) {
    case LinkState::kReady:
      if (link.draining()) return 4;
      return link.capacity() > 0 ? 0 : 1;
    case LinkState::kConnecting: return 2;
    case LinkState::kIdle: return 3;
    case LinkState::kFailed: return 5;
    case LinkState::kClosed: return 6;
  }
  return 6;
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
    links_.push_back(channel_->options.protocol->make_link(
        {channel_, info, lane, static_cast<std::uint32_t>(i), std::max<std::size_t>(count, 1), addresses}));
    lane.io.post([link = links_.back()] { link->attach(); });
  }
}

ClientLink& ClientEndpoint::pick() {
  ROCKET_ON_JS_THREAD(js_thread_);
  ClientLink* best = nullptr;
  int best_rank = 0;
  next_ = (next_ + 1) % links_.size();
  for (std::size_t i = 0; i < links_.size(); ++i) {
    ClientLink& link = *links_[(next_ + i) % links_.size()];
    const int link_rank = rank(link);
    if (best == nullptr || link_rank < best_rank) {
      best = &link;
      best_rank = link_rank;
    }
    if (best_rank == 0) break;
  }
  return *best;
}

void ClientEndpoint::connect() {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& link : links_) link->lane().io.post([link] { link->connect_now(); });
}

void ClientEndpoint::set_addresses(const std::vector<io::Address>& addresses) {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& link : links_) {
    link->lane().io.post([link, addresses] { link->set_addresses(addresses); });
  }
}

void ClientEndpoint::set_tls(const std::shared_ptr<const tls::Context>& context) {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& link : links_) link->lane().io.post([link, context] { link->set_tls(context); });
}

void ClientEndpoint::answer_server_check(std::uint32_t link, std::uint32_t question, std::string refusal) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (link >= links_.size()) return;
  links_[link]->lane().io.post(
      [to = links_[link], question, refusal = std::move(refusal)] { to->answer_server_check(question, refusal); });
}

void ClientEndpoint::release_waiting() {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& link : links_) link->lane().io.post([link] { link->release_waiting(); });
}

void ClientEndpoint::close() {
  ROCKET_ON_JS_THREAD(js_thread_);
  for (const auto& link : links_) link->lane().io.post([link] { link->close(); });
}

}  // namespace rocket::rpc
