// Memory of messages that are incomplete or waiting. Windows bound it for each stream, but a message may be longer than
// a window: so it is also bounded for each connection, together with the growth of windows.

#include <algorithm>
#include <utility>

#include "grpc/server_session.h"

#include "rpc/server.h"

namespace rocket::grpc {

namespace {

constexpr std::size_t kLongestMessages = 4;
static_assert(kMostRequestGrowth <= (16 << 20) / 2, "at most half of the least limit there can be");

}  // namespace

/// Past it windows stay closed, except that of the request that has waited longest, so that one always makes progress.
/// The growth that windows may have is subtracted from the limit.
///
/// The limit must be rare: a proxy that shares a connection among callers fills its buffers with requests whose windows
/// are closed, and cannot pass on the one that may continue.
std::size_t ServerSession::most_assembled() const {
  const auto& options = server_->options();
  return std::max(options.max_buffered_request_bytes, kLongestMessages * options.max_message_bytes) -
         kMostRequestGrowth;
}

void ServerSession::count_assembled(ServerRequest& request) {
  const std::size_t now = request.assembled_bytes();
  const std::size_t before = std::exchange(request.counted, now);
  if (now == before) return;
  assembled_ += now - before;
  server_->gauges.partial_bytes.fetch_add(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(before),
                                          std::memory_order_relaxed);
  if (now < before) give_windows();
}

/// Of a streamed request only one long message at a time gets window early: otherwise a slow handler would not stop its
/// peer.
void ServerSession::let_in(ServerRequest& request) {
  if (!request.may_be_read() || request.withheld == 0) return;
  auto& link = static_cast<ShutLink&>(request);
  if (link.empty() && (!shut_.empty() || assembled_ >= most_assembled())) shut_.push_back(link);
  if (link.empty() || shut_.next == &link) give_window(request);
}

void ServerSession::give_window(ServerRequest& request) {
  const std::size_t bytes = std::exchange(request.withheld, 0);
  if (request.streams) request.given_early += bytes;
  h2_.consume(*request.stream, bytes, !request.streams || request.is_read);
  top_up(request);
}

void ServerSession::leave_shut(ServerRequest& request) {
  auto& link = static_cast<ShutLink&>(request);
  if (link.empty()) return;
  link.unlink();
  give_windows();
}

void ServerSession::forget_message(ServerRequest& request) {
  request.reader.reset();
  request.message = OwnedBytes();
  request.held = OwnedBytes();
  leave_shut(request);
  count_assembled(request);
}

void ServerSession::give_windows() {
  const std::size_t most = most_assembled();
  std::size_t room = most - std::min(most, assembled_);
  while (!shut_.empty()) {
    auto& request = static_cast<ServerRequest&>(static_cast<ShutLink&>(*shut_.next));
    const std::size_t window = h2::Session::window_of(*request.stream);
    const bool fits = room >= window;
    if (fits) {
      room -= window;
      static_cast<ShutLink&>(request).unlink();
    }
    give_window(request);
    if (!fits) return;
  }
}

}  // namespace rocket::grpc
