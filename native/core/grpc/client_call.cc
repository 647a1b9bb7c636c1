#include "grpc/client_call.h"

namespace rocket::grpc {

namespace {

void clear(std::string& text, std::size_t kept) {
  text.clear();
  if (text.capacity() > kept) text.shrink_to_fit();
}

}  // namespace

ClientCall* ClientCallPool::take() {
  if (free_.empty()) {
    if (calls_.size() == kMaxCalls) return nullptr;
    free_.add(calls_.emplace_back(on_deadline_));
  }
  return &free_.take();
}

void ClientCallPool::give(ClientCall& call) {
  call.link = nullptr;
  call.session = nullptr;
  call.stream = nullptr;
  call.body = OwnedBytes();
  clear(call.metadata, kKeptTextBytes);
  clear(call.reply_metadata, kKeptTextBytes);
  call.early.clear();
  if (calls_.size() - free_.taken() >= kMostKept) {
    call.reader = MessageReader();
  } else {
    call.reader.reset();
  }
  if (call.message.size() > kKeptMessageBytes) call.message = OwnedBytes();
  call.message_bytes = call.sent_untold = call.untaken = call.withheld = call.given_early = call.counted = 0;
  call.open = call.compressed = call.half_closed = call.answered = false;
  call.has_message = call.told = call.is_read = false;
  call.encoding = Encoding::kIdentity;
  call.reply_flags = 0;
  free_.give_back(call);
}

}  // namespace rocket::grpc
