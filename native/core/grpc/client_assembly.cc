// Memory of replies that are incomplete or not taken yet. Windows bound it for each stream, but a message may be longer
// than a window: so it is also bounded for each connection.
#include <utility>

#include "grpc/client_link.h"
#include "grpc/client_session.h"

namespace rocket::grpc {

/// Half of the limit is for windows that grow (h2::Options::max_growth), the other half for bytes for which window is
/// given back early. Past it windows stay closed, except that of the call that has waited longest, so that one call
/// always makes progress.
std::size_t ClientSession::most_early() const { return link_->options().max_buffered_reply_bytes / 2; }

void ClientSession::count_partial(ClientCall& call) {
  const std::size_t now = call.partial_bytes();
  const std::size_t before = std::exchange(call.counted, now);
  if (now != before) link_->count_partial(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(before));
}

/// Of streamed replies only one long message at a time gets window early: otherwise a caller that does not read would
/// not stop its server.
void ClientSession::let_in(ClientCall& call) {
  if (!call.may_be_read() || call.withheld == 0) return;
  auto& link = static_cast<ShutReplyLink&>(call);
  if (link.empty() && (!shut_.empty() || early_ + call.withheld > most_early())) shut_.push_back(link);
  if (link.empty() || shut_.next == &link) give_window(call);
}

void ClientSession::give_window(ClientCall& call) {
  const std::size_t bytes = std::exchange(call.withheld, 0);
  call.given_early += bytes;
  early_ += bytes;
  h2_.consume(*call.stream, bytes, call.single_reply || call.is_read);
  top_up(call);
}

/// Bytes for which window was given back early have been taken or dropped.
void ClientSession::take_early(ClientCall& call, std::size_t bytes) {
  if (bytes == 0) return;
  call.given_early -= bytes;
  early_ -= bytes;
  give_windows();
}

/// The message is complete. Its bytes for which window was given back early count until they are taken, or the call
/// ends.
void ClientSession::note_whole(ClientCall& call) {
  call.withheld = 0;
  if (call.given_early == 0) leave_shut(call);
}

void ClientSession::leave_shut(ClientCall& call) {
  auto& link = static_cast<ShutReplyLink&>(call);
  if (link.empty()) return;
  link.unlink();
  give_windows();
}

void ClientSession::forget_replies(ClientCall& call) {
  if (call.counted > 0) link_->count_partial(-static_cast<std::int64_t>(std::exchange(call.counted, 0)));
  take_early(call, call.given_early);
  leave_shut(call);
}

void ClientSession::give_windows() {
  while (!shut_.empty()) {
    auto& call = static_cast<ClientCall&>(static_cast<ShutReplyLink&>(*shut_.next));
    const bool fits = early_ + call.withheld <= most_early();
    if (fits) static_cast<ShutReplyLink&>(call).unlink();
    give_window(call);
    if (!fits) return;
  }
}

}  // namespace rocket::grpc
