#include "grpc/server_request.h"

namespace rocket::grpc {

ServerRequest& ServerRequestPool::take() {
  if (free_.empty()) {
    ServerRequest& made = requests_.emplace_back(on_deadline_);
    made.index = static_cast<std::uint32_t>(requests_.size() - 1);
    free_.add(made);
  }
  return free_.take();
}

void ServerRequestPool::give(ServerRequest& request) {
  static_cast<RequestLink&>(request).unlink();
  request.session = nullptr;
  request.stream = nullptr;
  request.method = nullptr;
  request.call = nullptr;
  request.metadata.clear();
  request.http_reply = {};
  if (requests_.size() - free_.taken() >= kMostKept) {
    request.metadata.shrink_to_fit();
    request.reader = MessageReader();
  } else {
    if (request.metadata.capacity() > kKeptBytes) request.metadata.shrink_to_fit();
    request.reader.reset();
  }
  request.message = OwnedBytes();
  request.held = OwnedBytes();
  request.message_bytes = request.held_bytes = request.given_early = request.sent_untold = 0;
  request.untaken = request.withheld = 0;
  request.streams = request.ended = request.is_read = false;
  request.has_message = request.compressed = request.waits_for_room = request.is_watch = request.headers_sent = false;
  free_.give_back(request);
}

}  // namespace rocket::grpc
