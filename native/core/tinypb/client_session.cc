#include "tinypb/client_session.h"

#include "base/thread_check.h"

#include <string>

#include "tinypb/client_link.h"
#include "tinypb/take_frames.h"

namespace rocket::tinypb {

ClientSession::ClientSession(std::shared_ptr<ClientLink> link, std::shared_ptr<io::Connection> connection,
                             const rpc::Keepalive& keepalive)
    : link_(std::move(link)), connection_(std::move(connection)), watch_(*this, keepalive) {}

ClientSession::~ClientSession() = default;

io::ConnectionHandler::Taken ClientSession::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const rpc::InboxPort::Burst burst(link_->port());
  const auto& limits = link_->options().connection;
  const auto taken = take_frames(
      bytes, limits.max_frame_bytes, [this] { return connection_->open() && !connection_->paused(); },
      [this](ByteSpan frame) { return take_frame(frame, nullptr); },
      [this](const FrameStart& start, std::size_t frame_bytes) {
        count_reply();
        link_->on_reply_too_long(*this, start, frame_bytes);
      },
      [this, bytes](DecodeError error) {
        rejected_ = error;
        if (error == DecodeError::kBadStartByte) foreign_ = rpc::foreign_server(bytes);
        connection_->close(io::CloseReason::kBadInput);
      });
  expect_rest(*connection_, taken, bytes.size(), limits.frame_timeout);
  return taken;
}

bool ClientSession::on_large_frame(OwnedBytes& frame) {
  ROCKET_ON_IO_THREAD(connection_->io());
  connection_->expect_nothing();
  return take_frame(frame.span(), &frame);
}

bool ClientSession::on_out_of_memory(ByteSpan begun, std::size_t frame_bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const auto start = peek_start(begun, frame_bytes);
  if (start.error != DecodeError::kNone || start.bytes > begun.size()) return false;
  count_reply();
  link_->on_reply_unread(*this, start, "there is no memory for a reply of " + std::to_string(frame_bytes) + " bytes");
  return true;
}

void ClientSession::count_reply() {
  if (unanswered > 0) --unanswered;
}

bool ClientSession::take_frame(ByteSpan frame, OwnedBytes* block) {
  FrameView view;
  rejected_ = decode(frame, view);
  if (rejected_ != DecodeError::kNone) {
    connection_->close(io::CloseReason::kBadInput);
    return true;
  }
  if (watch_.take(view)) return true;
  count_reply();
  if (link_->on_reply(*this, view, block)) return true;
  ++unanswered;
  connection_->pause_reading(io::Connection::kInboxFull);
  link_->port().wait_for_room(*this);
  return false;
}

std::string ClientSession::why_rejected() const {
  const std::string why = name_of(rejected_);
  if (foreign_ == rpc::Foreign::kNone) return why;
  return why + ": the server speaks " + rpc::title_of(foreign_) + ", not TinyPB";
}

void ClientSession::on_inbox_room() { connection_->resume_reading(io::Connection::kInboxFull); }

void ClientSession::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  link_->port().forget(*this);
  const auto link = link_;
  link->on_session_closed(*this, reason);  // destroys this
}

}  // namespace rocket::tinypb
