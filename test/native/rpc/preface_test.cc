// The first bytes of a server's connections: which session they lead to, and what becomes of the others.

#include "rpc/preface.h"

#include "rpc/protocol.h"
#include "rpc/server_shard.h"
#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/protocol.h"

namespace rocket::test {
namespace {

constexpr std::string_view kToyPreface = "TOY 1\r\n";
constexpr std::string_view kToyRejections[] = {"toy"};

/// Echoes what it reads, its preface included.
class ToySession final : public rpc::CallSession {
 public:
  using CallSession::CallSession;

  Taken on_bytes(ByteSpan bytes) override {
    std::copy(bytes.begin(), bytes.end(), connection_->append(bytes.size()));
    return {.consumed = bytes.size()};
  }
  bool busy() const override { return false; }
  bool serves() const override { return true; }
  void on_closed(io::CloseReason) override {
    shard_.orphan(*this);
    shard_.remove(*this);
  }
  void on_inbox_room() override {}
  void message(rpc::ServerCall&, rpc::Payload&) override {}
  void finish(rpc::ServerCall&, const rpc::Status&, std::string_view, std::string_view) override {}
  void reply(rpc::ServerCall&, rpc::Reply&) override {}
  void release(rpc::ServerCall&) override {}
};

rpc::Protocol::Match matches_toy(ByteSpan first) {
  const auto text = as_text(first).substr(0, kToyPreface.size());
  if (!kToyPreface.starts_with(text)) return rpc::Protocol::Match::kNo;
  return text == kToyPreface ? rpc::Protocol::Match::kYes : rpc::Protocol::Match::kMore;
}

std::unique_ptr<rpc::CallSession> make_toy(rpc::ServerShard& shard, std::shared_ptr<io::Connection> connection) {
  return std::make_unique<ToySession>(shard, std::move(connection));
}

const rpc::Protocol kToy{"toy", "Toy", "toy", kToyPreface.size(), &matches_toy, &make_toy, nullptr, kToyRejections, 0};

rpc::ServerOptions both() {
  rpc::ServerOptions options;
  options.protocols = {&tinypb::kProtocol, &kToy};
  return options;
}

std::string receive(RawPeer& peer, std::size_t size) {
  std::string got(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const std::size_t more = peer.receive(reinterpret_cast<std::uint8_t*>(got.data()) + have, size - have);
    if (more == 0) break;
    have += more;
  }
  got.resize(have);
  return got;
}

std::uint64_t closed(const rpc::Server& server, io::CloseReason reason) {
  return server.counters.connections_closed[static_cast<std::size_t>(reason)].load();
}

TEST(Preface, LeadsEachConnectionToTheSessionOfItsProtocol) {
  JsSide js;
  const auto server = js.add_server(both());
  const auto address = js.listen(*server);
  const std::string toy = std::string(kToyPreface) + "and more";
  for (std::size_t cut = 0; cut <= toy.size(); ++cut) {
    RawPeer speaks_toy(address);
    ASSERT_TRUE(speaks_toy.send(as_bytes(std::string_view(toy).substr(0, cut))));
    on_io(*js.io_threads(1).front(), [] {});
    ASSERT_TRUE(speaks_toy.send(as_bytes(std::string_view(toy).substr(cut))));
    EXPECT_EQ(receive(speaks_toy, toy.size()), toy) << cut;
  }
  RawPeer speaks_tinypb(address);
  const auto frame = make_frame({"7", "No.such", 0, ""}, Bytes(10, 1));
  for (const auto& byte : frame) {
    ASSERT_TRUE(speaks_tinypb.send({&byte, 1}));
    on_io(*js.io_threads(1).front(), [] {});
  }
  const auto reply = speaks_tinypb.read_frame();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->msg_id, "7");
}

TEST(Preface, BytesOfNoProtocolAreRejectedAtTheFirstThatTells) {
  JsSide js;
  const auto server = js.add_server(both());
  const auto address = js.listen(*server);
  std::uint64_t count = 0;
  for (const std::string_view first : {"X", "TOX", "TOY 2", "\x16\x03\x01", "PRI * HTTP/2.0\r\n"}) {
    RawPeer peer(address);
    ASSERT_TRUE(peer.send(as_bytes(first)));
    EXPECT_TRUE(peer.read_to_end()) << first;
    ++count;
    EXPECT_TRUE(eventually(js.io_threads(1), [&] { return closed(*server, io::CloseReason::kBadInput) == count; }));
  }
  EXPECT_EQ(server->rejected(tinypb::kProtocol, tinypb::kProtocol.unmatched), count);
  EXPECT_EQ(server->counters.foreign_connections[static_cast<std::size_t>(rpc::Foreign::kTls)].load(), 1U);
  EXPECT_EQ(server->counters.foreign_connections[static_cast<std::size_t>(rpc::Foreign::kHttp2)].load(), 1U);
  EXPECT_EQ(server->counters.foreign_connections[static_cast<std::size_t>(rpc::Foreign::kNone)].load(), count - 2);
}

TEST(Preface, AnHttpClientIsToldWhatThePortSpeaks) {
  JsSide js;
  const auto server = js.add_server(both());
  RawPeer peer(js.listen(*server));
  ASSERT_TRUE(peer.send(as_bytes("GET / HTTP/1.1\r\n\r\n")));
  EXPECT_EQ(receive(peer, 1000),
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
            "This port speaks TinyPB and Toy (rocket-rpc) only\n");
}

TEST(Preface, TooFewBytesAreBoundedByTheFrameTimeout) {
  JsSide js;
  auto options = both();
  options.connection.frame_timeout = Millis(60);
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  // One that sends nothing is an idle connection.
  RawPeer silent(address);
  std::uint64_t count = 0;
  for (const std::string_view first : {"T", "TOY 1\r"}) {
    RawPeer peer(address);
    ASSERT_TRUE(peer.send(as_bytes(first)));
    EXPECT_TRUE(peer.read_to_end()) << first;
    ++count;
    EXPECT_TRUE(eventually(js.io_threads(1), [&] { return closed(*server, io::CloseReason::kFrameTimeout) == count; }));
  }
  // The bytes in time: from then on the session decides.
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(as_bytes(kToyPreface)));
  EXPECT_EQ(receive(peer, kToyPreface.size()), kToyPreface);
  RawPeer control(address);
  ASSERT_TRUE(control.send(as_bytes("T")));
  EXPECT_TRUE(control.read_to_end());
  for (RawPeer* open : {&peer, &silent}) {
    const bool is_new = open == &silent;
    const std::string_view said = is_new ? kToyPreface : "still there";
    ASSERT_TRUE(open->send(as_bytes(said)));
    EXPECT_EQ(receive(*open, said.size()), said);
  }
}

TEST(Preface, SilenceIsBoundedByTheIdleTimeout) {
  JsSide js;
  auto options = both();
  options.connection.idle_timeout = Millis(60);
  const auto server = js.add_server(options);
  RawPeer peer(js.listen(*server));
  EXPECT_TRUE(peer.read_to_end());
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return closed(*server, io::CloseReason::kIdleTimeout) == 1; }));
}

TEST(Preface, APeerThatEndsBeforeItHasSaidAnythingIsGone) {
  JsSide js;
  const auto server = js.add_server(both());
  const auto address = js.listen(*server);
  for (const std::string_view first : {"", "TOY"}) {
    RawPeer peer(address);
    ASSERT_TRUE(peer.send(as_bytes(first)));
    ::shutdown(peer.fd(), SHUT_WR);
    EXPECT_TRUE(peer.read_to_end());
  }
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return closed(*server, io::CloseReason::kPeerClosed) == 2; }));
  EXPECT_EQ(server->gauges.open.load(), 0);
  EXPECT_EQ(server->gauges.partial_bytes.load(), 0);
}

TEST(Preface, CountsAsAConnectionAndEndsWithTheServer) {
  JsSide js;
  auto options = both();
  options.max_connections = 2;
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  RawPeer one(address);
  RawPeer two(address);
  EXPECT_TRUE(eventually(js.io_threads(1), [&] { return server->gauges.open.load() == 2; }));
  RawPeer three(address);
  EXPECT_TRUE(three.read_to_end());
  ASSERT_TRUE(two.send(as_bytes("TO")));
  js.shut_down();
  EXPECT_TRUE(one.read_to_end());
  EXPECT_TRUE(two.read_to_end());
}

}  // namespace
}  // namespace rocket::test
