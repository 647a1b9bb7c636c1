// What a call costs when no JavaScript is involved: the library's own acceptor, io thread, connections and wire format,
// with the reply made on the io thread. It is the upper bound of the comparison, so it leaves out what only JavaScript
// needs (call slots, deadlines, the boundary) and does not look into the request's protobuf message.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <netinet/in.h>
#include <unistd.h>

#include "io/acceptor.h"
#include "io/address.h"
#include "io/connection.h"
#include "io/io_thread_group.h"
#include "io/listener.h"
#include "tinypb/frame.h"
#include "tinypb/take_frames.h"
#include "tinypb/wire_code.h"

namespace rocket::bench {
namespace {

constexpr int kBacklog = 4096;
constexpr std::string_view kMethod = "Order.makeOrder";
// makeOrderResponse { order_id: "20230514" }; ret_code 0 is proto3's default and takes no bytes.
constexpr std::string_view kReplyBody =
    "\x1a\x08"
    "20230514";
static_assert(kReplyBody.size() == 10);

class Session;

/// What all sessions share. Belongs to the io thread once that runs.
struct Responder {
  explicit Responder(io::IoThread& thread) : io(thread) {}
  void adopt(const std::vector<io::Accepted>& batch);
  void remove(Session& session);

  io::IoThread& io;
  const io::ConnectionLimits limits;
  io::ConnectionGauges gauges;
  std::vector<std::unique_ptr<Session>> sessions;
};

/// One connection: every whole frame is answered at once.
class Session final : public io::ConnectionHandler {
 public:
  Session(Responder& responder, std::shared_ptr<io::Connection> connection, std::size_t at)
      : index(at), responder_(responder), connection_(std::move(connection)) {}

  void start() { connection_->start(*this); }

  std::size_t index;  // where the responder keeps it

  Taken on_bytes(ByteSpan bytes) override;
  bool on_large_frame(OwnedBytes& frame) override {
    connection_->expect_nothing();
    answer(frame.span());
    return true;
  }
  bool busy() const override { return false; }
  bool serves() const override { return true; }
  void on_closed(io::CloseReason) override { responder_.remove(*this); }  // destroys this

 private:
  void answer(ByteSpan frame);

  Responder& responder_;
  const std::shared_ptr<io::Connection> connection_;
};

io::ConnectionHandler::Taken Session::on_bytes(ByteSpan bytes) {
  const auto taken = tinypb::take_frames(
      bytes, responder_.limits.max_frame_bytes, [this] { return connection_->open() && !connection_->paused(); },
      [this](ByteSpan frame) {
        answer(frame);
        return true;
      },
      [this](const tinypb::FrameStart&, std::size_t) { connection_->close(io::CloseReason::kBadInput); },
      [this](tinypb::DecodeError) { connection_->close(io::CloseReason::kBadInput); });
  tinypb::expect_rest(*connection_, taken, bytes.size(), responder_.limits.frame_timeout);
  return taken;
}

void Session::answer(ByteSpan frame) {
  tinypb::FrameView view;
  if (tinypb::decode(frame, view) != tinypb::DecodeError::kNone) {
    connection_->close(io::CloseReason::kBadInput);
    return;
  }
  const bool known = view.method == kMethod;
  const tinypb::FrameHead head{view.msg_id, view.method, known ? 0 : tinypb::kMethodNotFound, {}};
  const ByteSpan body = known ? as_bytes(kReplyBody) : ByteSpan{};
  const std::size_t size = tinypb::frame_bytes(head, body.size());
  tinypb::encode(connection_->append(size), head, body, view.checksum != tinypb::kNoChecksum);
  if (connection_->backlogged()) connection_->pause_reading(io::Connection::kBacklog);
}

void Responder::adopt(const std::vector<io::Accepted>& batch) {
  for (const auto& accepted : batch) {
    io::StreamSocket socket(io.context());
    std::error_code error;
    socket.assign({accepted.family, IPPROTO_TCP}, accepted.fd, error);
    if (error) {
      ::close(accepted.fd);
      continue;
    }
    auto connection = std::make_shared<io::Connection>(io, std::move(socket), accepted.peer, limits, gauges);
    sessions.push_back(std::make_unique<Session>(*this, std::move(connection), sessions.size()));
    sessions.back()->start();
  }
}

void Responder::remove(Session& session) {
  const std::size_t index = session.index;
  std::swap(sessions[index], sessions.back());
  sessions[index]->index = index;
  sessions.pop_back();
}

int run(const std::string& address_text) {
  const auto address = io::parse_address(address_text);
  if (!address) {
    std::fprintf(stderr, "rocket_responder: %s is not a numeric address\n", address_text.c_str());
    return 1;
  }
  auto opened = io::Listener::open(*address, kBacklog);
  if (const auto* error = std::get_if<io::ListenError>(&opened)) {
    std::fprintf(stderr, "rocket_responder: %s failed with errno %d\n", error->step, error->code);
    return 1;
  }
  auto& listener = std::get<io::Listener>(opened);
  listener.set_stream_options();
  const std::string bound = listener.bound_text();

  io::IoThreadGroup threads;
  Responder responder(*threads.sub_threads(1).front());
  const auto deliver = [&responder](std::vector<io::Accepted> batch) {
    responder.io.post([&responder, mine = std::move(batch)] { responder.adopt(mine); });
  };
  const auto acceptor = std::make_shared<io::Acceptor>(threads.main(), std::move(listener), deliver);
  threads.main().post([acceptor] { acceptor->start(); });

  std::printf("listening %s\n", bound.substr(bound.rfind(':') + 1).c_str());
  std::fflush(stdout);
  for (;;) ::pause();  // until a signal ends the process
}

}  // namespace
}  // namespace rocket::bench

int main() {
  const char* port = std::getenv("PORT");
  return rocket::bench::run(std::string("127.0.0.1:") + (port == nullptr ? "0" : port));
}
