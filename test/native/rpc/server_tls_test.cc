// A server's port with TLS: what becomes of clients that speak it, that do not, and that never finish.

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "rpc/engine.h"
#include "rpc/protocol.h"
#include "rpc/server_shard.h"
#include "support/js_side.h"
#include "support/on_io.h"
#include "support/tls_peer.h"
#include "tinypb/protocol.h"
#include "tls/pem.h"

namespace rocket::test {
namespace {

using io::CloseReason;

struct TlsServer {
  explicit TlsServer(const std::function<void(rpc::ServerOptions&)>& change = {}) {
    rpc::ServerOptions options;
    options.protocols = {&tinypb::kProtocol};
    options.tls.context = server_context();
    if (change) change(options);
    server = js.add_server(options);
    address = js.listen(*server);
  }
  std::uint64_t closed(CloseReason reason) const {
    return server->counters.connections_closed[static_cast<std::size_t>(reason)].load();
  }
  bool waits_for_closed(CloseReason reason, std::uint64_t times = 1) {
    return eventually(js.io_threads(1), [&] { return closed(reason) == times; });
  }
  bool waits_for_log(std::string_view text) {
    return js.pump_until([&] {
      return std::any_of(js.log_lines.begin(), js.log_lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
    });
  }
  std::uint64_t foreign(rpc::Foreign protocol) const {
    return server->counters.foreign_connections[static_cast<std::size_t>(protocol)].load();
  }

  JsSide js;
  std::shared_ptr<rpc::Server> server;
  std::string address;
};

/// The head of a ClientHello.
constexpr std::array<std::uint8_t, 6> kBegun{0x16, 3, 1, 1, 0, 1};

Bytes echo_request() { return make_frame({"1", "Echo.echo"}, as_bytes("hello")); }

/// Sends a call, and waits for its reply.
void expect_echo(TlsServer& at, TlsPeer& peer) {
  ASSERT_TRUE(peer.send(echo_request()));
  const std::size_t before = at.js.requests;
  ASSERT_TRUE(at.js.pump_until([&] { return at.js.requests > before; }));
  at.js.flush();
  const Bytes reply = peer.receive_record();
  EXPECT_GT(reply.size(), 20U);
}

TEST(ServerTls, AnswersCallsOverTls) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsServer at;
    TlsPeer peer(RawPeer(at.address), {.version = version, .alpn = {"tinypb"}});
    ASSERT_TRUE(peer.shake_hands());
    for (int i = 0; i < 3; ++i) expect_echo(at, peer);
    EXPECT_EQ(at.server->counters.handshakes.load(), 0);
  }
}

TEST(ServerTls, TellsPlainClientsWhatThePortSpeaks) {
  TlsServer at;
  RawPeer http(at.address);
  ASSERT_TRUE(http.send(as_bytes("GET / HTTP/1.1\r\n\r\n")));
  std::string response(400, '\0');
  response.resize(http.receive(reinterpret_cast<std::uint8_t*>(response.data()), response.size()));
  EXPECT_NE(response.find("400 Bad Request"), std::string::npos);
  EXPECT_NE(response.find("TinyPB over TLS"), std::string::npos);
  RawPeer tinypb(at.address);
  ASSERT_TRUE(tinypb.send(echo_request()));
  EXPECT_TRUE(tinypb.read_to_end());
  ASSERT_TRUE(at.waits_for_closed(CloseReason::kBadInput, 2));
  EXPECT_EQ(at.foreign(rpc::Foreign::kPlain), 1U);
  EXPECT_EQ(at.foreign(rpc::Foreign::kHttp1), 1U);
  EXPECT_TRUE(at.waits_for_log("(the client speaks without TLS, this server TinyPB over TLS)"));
  EXPECT_EQ(at.server->calls.begun(), 0U);
  EXPECT_EQ(at.server->counters.handshakes.load(), 0);
}

TEST(ServerTls, APlainPortAnswersTlsWithAnAlert) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls = {}; });
  TlsPeer peer{RawPeer(at.address)};
  ERR_clear_error();
  EXPECT_FALSE(peer.shake_hands());
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
  ASSERT_TRUE(at.waits_for_closed(CloseReason::kBadInput));
  EXPECT_EQ(at.foreign(rpc::Foreign::kTls), 1U);
}

TEST(ServerTls, SpeaksBothOnlyWhenTold) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.allow_plain = true; });
  TlsPeer peer{RawPeer(at.address)};
  ASSERT_TRUE(peer.shake_hands());
  expect_echo(at, peer);
  RawPeer plain(at.address);
  ASSERT_TRUE(plain.send(echo_request()));
  ASSERT_TRUE(at.js.pump_until([&] { return at.js.requests == 2; }));
  at.js.flush();
  EXPECT_TRUE(plain.read_frame().has_value());
}

TEST(ServerTls, EndsHandshakesThatTakeTooLong) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.handshake_timeout = Millis(50); });
  RawPeer silent(at.address);
  RawPeer begun(at.address);
  ASSERT_TRUE(begun.send(kBegun));
  EXPECT_TRUE(silent.read_to_end());
  EXPECT_TRUE(begun.read_to_end());
  ASSERT_TRUE(at.waits_for_closed(CloseReason::kLayerTimeout, 2));
  EXPECT_TRUE(at.waits_for_log("no TLS handshake within 50 ms (option tls.handshakeTimeoutMs)"));
  EXPECT_EQ(at.server->counters.handshakes.load(), 0);
}

TEST(ServerTls, ASecuredConnectionHasNoHandshakeTimeout) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.handshake_timeout = Millis(1000); });
  TlsPeer idle{RawPeer(at.address)};
  ASSERT_TRUE(idle.shake_hands());
  RawPeer silent(at.address);
  EXPECT_TRUE(silent.read_to_end()) << "longer than the time the other one had";
  expect_echo(at, idle);
}

TEST(ServerTls, LimitsUnfinishedHandshakes) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.max_handshakes = 2; });
  TlsPeer done{RawPeer(at.address)};
  ASSERT_TRUE(done.shake_hands());
  expect_echo(at, done);
  const auto begin = [&](RawPeer& peer, int unfinished) {
    ASSERT_TRUE(peer.send(kBegun));
    ASSERT_TRUE(eventually(at.js.io_threads(1), [&] { return at.server->counters.handshakes.load() == unfinished; }));
  };
  RawPeer first(at.address);
  begin(first, 1);
  RawPeer second(at.address);
  begin(second, 2);
  RawPeer third(at.address);
  ASSERT_TRUE(third.send(kBegun));
  EXPECT_TRUE(first.read_to_end()) << "the oldest";
  EXPECT_TRUE(at.waits_for_log("2 handshakes are unfinished (option tls.maxHandshakes)"));
  EXPECT_EQ(at.server->counters.handshakes_refused.load(), 1U);
  TlsPeer next{RawPeer(at.address)};
  EXPECT_TRUE(next.shake_hands());
  expect_echo(at, done);
  expect_echo(at, next);
  EXPECT_EQ(at.server->counters.handshakes_refused.load(), 2U);
  EXPECT_EQ(at.server->counters.handshakes.load(), 1);
  third.close();
  EXPECT_TRUE(eventually(at.js.io_threads(1), [&] { return at.server->counters.handshakes.load() == 0; }));
}

TEST(ServerTls, SilentConnectionsKeepNobodyOut) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.max_handshakes = 1; });
  RawPeer silent(at.address);
  RawPeer another(at.address);
  TlsPeer peer{RawPeer(at.address)};
  ASSERT_TRUE(peer.shake_hands());
  expect_echo(at, peer);
  EXPECT_EQ(at.server->counters.handshakes_refused.load(), 0U);
}

TEST(ServerTls, ManyHandshakesAtOnceAllEnd) {
  TlsServer at;
  constexpr std::size_t kPeers = 40;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> secured{0};
  for (std::size_t i = 0; i < kPeers; ++i) {
    threads.emplace_back([&] {
      TlsPeer peer{RawPeer(at.address)};
      if (peer.shake_hands()) ++secured;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(secured.load(), kPeers);
  EXPECT_TRUE(eventually(at.js.io_threads(1), [&] { return at.server->counters.handshakes.load() == 0; }));
}

TEST(ServerTls, ABrokenHandshakeIsLoggedWithItsReason) {
  TlsServer at;
  TlsPeer peer(RawPeer(at.address), {.alpn = {"http/1.1"}});
  EXPECT_FALSE(peer.shake_hands());
  ASSERT_TRUE(at.waits_for_closed(CloseReason::kLayer));
  EXPECT_TRUE(at.waits_for_log("TLS: no protocol of the client's ALPN is spoken here (option protocols)"));
}

TEST(ServerTls, AlpnIsBinding) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.context = server_context(server_settings({"h2"})); });
  TlsPeer peer(RawPeer(at.address), {.alpn = {"h2"}});
  ASSERT_TRUE(peer.shake_hands());
  ASSERT_TRUE(peer.send(echo_request()));
  ASSERT_TRUE(at.waits_for_closed(CloseReason::kBadInput));
  EXPECT_EQ(at.server->calls.begun(), 0U);
}

TEST(ServerTls, ANewContextServesNewConnections) {
  TlsServer at;
  TlsPeer before{RawPeer(at.address)};
  ASSERT_TRUE(before.shake_hands());
  const Identity fresh = make_identity("fresh", {.issuer = &test_authority()});
  tls::ContextSettings settings = server_settings();
  settings.keys.clear();
  settings.keys.push_back({tls::Secret(fresh.key), {}});
  settings.certificates = {fresh.certificate};
  at.server->set_tls(server_context(settings));
  on_io(*at.js.io_threads(1)[0], [] {});
  TlsPeer after{RawPeer(at.address)};
  ASSERT_TRUE(after.shake_hands());
  X509* shown = SSL_get1_peer_certificate(after.ssl());
  EXPECT_EQ(X509_check_host(shown, "fresh", 0, 0, nullptr), 1);
  X509_free(shown);
  expect_echo(at, before);
  expect_echo(at, after);
}

/// What JavaScript is told of the caller, on its own thread, while the io thread goes on with the connection.
struct Callers {
  struct Seen {
    std::uint64_t number;
    std::string error;
    std::string der;
  };
  explicit Callers(TlsServer& at) {
    at.js.on_request = [this, &at](const EventView& event) {
      seen.push_back(of(at, event));
      held = event;
      if (!holds) at.js.reply(event.id_low, event.id_high, {});
    };
  }
  static Seen of(TlsServer& at, const EventView& event) {
    const rpc::CallId id{event.id_low, event.id_high};
    const auto& connection = *at.js.engine().lane(id.io_thread()).server_calls.held(id).connection;
    const io::PeerIdentity identity = connection.peer_identity();
    return {identity.number, std::string(identity.error), connection.peer_certificate()};
  }
  std::vector<Seen> seen;
  EventView held{};
  bool holds = false;
};

std::string der_of(const Identity& identity) {
  const auto parsed = tls::certificates_of(identity.certificate);
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(parsed.items.front().get(), &bytes);
  std::string made(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return made;
}

std::shared_ptr<const tls::Context> asking(bool reject) {
  tls::ContextSettings settings = server_settings();
  settings.authorities = {test_authority().certificate};
  return server_context(settings, {.ask = true, .reject = reject});
}

TEST(ServerTls, TellsWhoHasACertificate) {
  const Identity good = make_identity("good", {.issuer = &test_authority()});
  const Identity expired = make_identity("expired", {.issuer = &test_authority(), .days = -1});
  const Identity own = make_identity("own");
  TlsServer at([](rpc::ServerOptions& options) { options.tls.context = asking(false); });
  Callers callers(at);
  const std::vector<std::pair<const Identity*, std::string>> cases{
      {nullptr, ""}, {&good, ""}, {&expired, "CERT_HAS_EXPIRED"}, {&own, "DEPTH_ZERO_SELF_SIGNED_CERT"}};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [identity, error] : cases) {
      TlsPeer peer(RawPeer(at.address), {.version = version, .identity = identity});
      ASSERT_TRUE(peer.shake_hands());
      for (int i = 0; i < 2; ++i) expect_echo(at, peer);
      const auto& one = callers.seen.at(callers.seen.size() - 2);
      const auto& two = callers.seen.back();
      EXPECT_EQ(one.number, two.number);
      EXPECT_EQ(one.number == 0, identity == nullptr);
      EXPECT_EQ(one.error, error);
      EXPECT_EQ(one.der, identity == nullptr ? "" : der_of(*identity));
    }
  }
  EXPECT_NE(callers.seen[2].number, callers.seen[4].number) << "of each connection";
}

TEST(ServerTls, TheCertificateOfACallOutlivesItsConnection) {
  const Identity good = make_identity("good", {.issuer = &test_authority()});
  TlsServer at([](rpc::ServerOptions& options) { options.tls.context = asking(true); });
  Callers callers(at);
  callers.holds = true;
  int aborts = 0;
  at.js.on_abort = [&](const EventView& event) {
    const auto seen = Callers::of(at, event);
    EXPECT_EQ(seen.number, callers.seen.front().number);
    EXPECT_EQ(seen.der, der_of(good));
    at.js.end(event.id_low, event.id_high);
    ++aborts;
  };
  {
    TlsPeer peer(RawPeer(at.address), {.identity = &good});
    ASSERT_TRUE(peer.shake_hands());
    ASSERT_TRUE(peer.send(echo_request()));
    ASSERT_TRUE(at.js.pump_until([&] { return at.js.requests == 1; }));
  }
  ASSERT_TRUE(at.js.pump_until([&] { return aborts == 1; }));
  at.js.flush();
}

TEST(ServerTls, WithoutTlsThereIsNobody) {
  TlsServer at([](rpc::ServerOptions& options) { options.tls.context = nullptr; });
  Callers callers(at);
  RawPeer peer(at.address);
  ASSERT_TRUE(peer.send(echo_request()));
  ASSERT_TRUE(at.js.pump_until([&] { return at.js.requests == 1; }));
  EXPECT_EQ(callers.seen.front().number, 0U);
  EXPECT_EQ(callers.seen.front().der, "");
}

TEST(ServerTls, ClosesWhileHandshakesAreUnfinished) {
  TlsServer at;
  RawPeer silent(at.address);
  RawPeer begun(at.address);
  ASSERT_TRUE(begun.send(kBegun));
  ASSERT_TRUE(eventually(at.js.io_threads(1), [&] { return at.server->counters.handshakes.load() == 1; }));
  at.server->close(Millis(0));
  EXPECT_TRUE(silent.read_to_end());
  EXPECT_TRUE(begun.read_to_end());
  EXPECT_TRUE(at.js.pump_until([&] { return !at.js.servers_closed.empty(); }));
}

}  // namespace
}  // namespace rocket::test
