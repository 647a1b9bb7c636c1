#include "grpc/client_session.h"

#include <utility>

#include "base/thread_check.h"
#include "grpc/client_link.h"

namespace rocket::grpc {

namespace {

constexpr std::uint8_t kTinyPbStart = 0x02;

}  // namespace

std::shared_ptr<ClientResources> ClientResources::of_thread() {
  thread_local std::weak_ptr<ClientResources> current;
  auto resources = current.lock();
  if (!resources) {
    resources = std::make_shared<ClientResources>();
    current = resources;
  }
  return resources;
}

ClientSession::ClientSession(std::shared_ptr<ClientLink> link, std::shared_ptr<io::Connection> connection,
                             const h2::Options& options)
    : link_(std::move(link)),
      shared_(ClientResources::of_thread()),
      connection_(std::move(connection)),
      h2_(options, shared_->h2, *this, *this) {}

ClientSession::~ClientSession() { connection_->io().timers().cancel(look_timer_); }

void ClientSession::start() {
  ROCKET_ON_IO_THREAD(connection_->io());
  connection_->start(*this);
  connection_->expect_progress(link_->options().connect_timeout, io::CloseReason::kFrameTimeout);
  h2_.start(connection_->io().now());
}

io::ConnectionHandler::Taken ClientSession::on_bytes(ByteSpan bytes) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const rpc::InboxPort::Burst burst(link_->port());
  if (!heard_ && !bytes.empty()) {
    heard_ = true;
    foreign_ = rpc::foreign_server(bytes);
    begins_as_tinypb_ = bytes.front() == kTinyPbStart;
  }
  const auto fed = h2_.feed(bytes, connection_->io().now());
  if (!ready_) return {fed.consumed, fed.frame_bytes};
  // Single bytes do not restart the timeout of a frame. A header block in several frames counts as one.
  if (fed.consumed == bytes.size() && !h2_.in_block()) {
    connection_->expect_nothing();
  } else if (fed.consumed > 0 || !connection_->expects_progress()) {
    connection_->expect_progress(link_->options().connection.frame_timeout, io::CloseReason::kFrameTimeout);
  }
  return {fed.consumed, fed.frame_bytes};
}

void ClientSession::on_settings() {
  if (ready_) return link_->on_room(*this);
  ready_ = true;
  ready_at_ = connection_->io().now();
  connection_->expect_nothing();
  if (link_->options().keepalive_without_calls) watch_peer();
  link_->on_ready(*this);
}

bool ClientSession::proven() const {
  return got_reply_ || (ready_ && connection_->io().now() - ready_at_ >= link_->options().first_backoff.count());
}

void ClientSession::on_goaway(const h2::Goaway& goaway) {
  const std::string_view text = goaway.text.substr(0, 128);
  goaway_ = h2::name_of(goaway.code);
  if (!text.empty()) goaway_.append(": ").append(text);
  auto why = ClientLink::Leaving::kAsked;
  const bool complains = goaway.code == h2::ErrorCode::kEnhanceYourCalm && goaway.text == "too_many_pings";
  // Only the first complaint counts.
  if (complains && !std::exchange(complained_, true)) why = ClientLink::Leaving::kTooManyPings;
  link_->on_leaving(*this, why);
}

void ClientSession::on_drained() { connection_->close_when_written(); }

void ClientSession::on_connection_error(h2::ErrorCode, const char* why) {
  error_ = why;
  link_->count_rejected();
  connection_->write_now();
  connection_->close(io::CloseReason::kBadInput);
}

void ClientSession::on_writable() {
  h2_.on_writable();
  for (ListLink* link = calls.next; link != &calls; link = link->next) note_room(call_of(link));
}

void ClientSession::on_inbox_room() { connection_->resume_reading(io::Connection::kInboxFull); }

void ClientSession::close() {
  if (ready_) h2_.leave();
  connection_->write_now();
  connection_->close(io::CloseReason::kLocal);
}

void ClientSession::on_closed(io::CloseReason reason) {
  ROCKET_ON_IO_THREAD(connection_->io());
  const auto link = link_;
  const std::string text = why_closed(reason);
  h2_.close();
  while (!calls.empty()) end(call_of(calls.next), {rpc::Code::kUnavailable}, text);
  link->port().forget(*this);
  link->on_session_closed(*this, reason);  // destroys this
}

std::string ClientSession::why_closed(io::CloseReason reason) const {
  const std::string& name = link_->endpoint().name;
  std::string why = io::name_of(reason);
  if (error_ != nullptr) why = error_;
  if (reason == io::CloseReason::kLayer) why = connection_->why_layer_failed();
  if (!ready_) {
    std::string text = name + " does not answer as a server of gRPC: ";
    if (begins_as_tinypb_) return text + "it speaks TinyPB";
    if (foreign_ != rpc::Foreign::kNone && foreign_ != rpc::Foreign::kHttp2) {
      return text + "it speaks " + rpc::title_of(foreign_);
    }
    if (reason == io::CloseReason::kFrameTimeout) why = "no SETTINGS came (option connectTimeoutMs)";
    return text + why;
  }
  if (reason == io::CloseReason::kSilent) {
    why = "no answer to a PING for " + std::to_string(link_->options().keepalive.timeout.count()) +
          " ms (options keepaliveTimeMs, keepaliveTimeoutMs)";
  }
  if (!goaway_.empty()) why += ", after GOAWAY " + goaway_;
  return "the connection to " + name + " ended (" + why + ") before the reply came";
}

}  // namespace rocket::grpc
