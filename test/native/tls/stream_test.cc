// TLS between a connection and its socket, against OpenSSL's own client.

#include "tls/stream.h"
#include "tls/session_end.h"

#include <openssl/err.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include "support/connection_fixture.h"
#include "support/tls_peer.h"

namespace rocket::test {
namespace {

using io::CloseReason;

class TlsStream : public ConnectionTest, private tls::Stream::Listener {
 protected:
  void open_tls(const std::function<void(TestHandler&)>& prepare = {}, int send_buffer = 0) {
    open(
        [&](TestHandler& handler) {
          if (prepare) prepare(handler);
          auto stream = tls::Stream::accept(io_, connection_->socket(), context_, *this, {});
          stream_ = stream.get();
          connection_->put_layer(std::move(stream));
        },
        send_buffer);
  }
  TlsPeer secured(const TlsPeer::Options& options = {}) {
    TlsPeer peer(std::move(*peer_), options);
    EXPECT_TRUE(peer.shake_hands());
    return peer;
  }
  std::string failure() {
    std::string text;
    on_io(io_, [&] { text = std::string(stream_->failure()); });
    return text;
  }
  void on_secured(tls::Stream&) override {
    secured_.change([](int& times) { ++times; });
  }

  std::shared_ptr<const tls::Context> context_ = server_context();
  tls::Stream* stream_ = nullptr;
  Monitor<int> secured_;
};

TEST_F(TlsStream, ReadsFramesOfEverySizeInPiecesOfEverySize) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    open_tls();
    TlsPeer peer = secured({.version = version});
    std::mt19937 random(7);
    Bytes plain;
    std::size_t frames = 0;
    for (const std::size_t size : {4U, 63U, 5000U, 65'536U, 200'000U, 7U, 1'000'000U, 4U}) {
      const Bytes frame = test_frame(size, static_cast<std::uint8_t>(size));
      plain.insert(plain.end(), frame.begin(), frame.end());
      ++frames;
    }
    for (ByteSpan rest(plain); !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % 50'000));
      ASSERT_TRUE(peer.send(piece));
      rest = rest.subspan(piece.size());
    }
    ASSERT_TRUE(wait_frames(frames));
    const Heard heard = handler_->heard.get();
    for (const auto* list : {&heard.frames, &heard.large_frames}) {
      for (const Bytes& frame : *list)
        EXPECT_EQ(frame, test_frame(frame.size(), static_cast<std::uint8_t>(frame.size())));
    }
    on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
    ASSERT_TRUE(wait_closed());
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

TEST_F(TlsStream, ManyFramesOfATurnAreOneRecord) {
  open_tls();
  TlsPeer peer = secured();
  Bytes expected;
  on_io(io_, [&] {
    for (std::size_t i = 0; i < 100; ++i) {
      const Bytes frame = test_frame(100, static_cast<std::uint8_t>(i));
      expected.insert(expected.end(), frame.begin(), frame.end());
      append(frame);
    }
  });
  EXPECT_EQ(peer.receive_record(), expected);
}

TEST_F(TlsStream, MoreThanTheSocketTakesComesInOrder) {
  limits_.max_write_queue_bytes = 100'000;
  open_tls({}, 4096);
  TlsPeer peer = secured();
  Bytes expected;
  for (std::size_t i = 0; i < 30; ++i) {
    on_io(io_, [&] {
      const Bytes frame = test_frame(30'000 + i, static_cast<std::uint8_t>(i));
      expected.insert(expected.end(), frame.begin(), frame.end());
      append(frame);
      if (i % 7 == 3) connection_->write_now();
    });
  }
  EXPECT_TRUE(peer.receive(expected.size()) == expected);
  EXPECT_TRUE(handler_->heard.wait([](const Heard& heard) { return heard.writable == 1; }));
  EXPECT_EQ(gauges_.queued_bytes.load(), 0);
}

TEST_F(TlsStream, WhatIsQueuedWaitsForTheHandshake) {
  open_tls();
  const Bytes frame = test_frame(40, 3);
  on_io(io_, [&] { append(frame); });
  on_io(io_, [&] { EXPECT_EQ(connection_->queued_bytes(), frame.size()); });
  TlsPeer peer = secured();
  EXPECT_EQ(peer.receive(frame.size()), frame);
  EXPECT_EQ(secured_.get(), 1);
}

TEST_F(TlsStream, ClosingWhenWrittenEndsTheStream) {
  open_tls({}, 4096);
  TlsPeer peer = secured();
  const Bytes frame = test_frame(200'000, 5);
  on_io(io_, [&] {
    append(frame);
    connection_->close_when_written();
  });
  EXPECT_TRUE(peer.receive(frame.size()) == frame);
  EXPECT_TRUE(peer.read_to_end()) << "close_notify";
  ASSERT_TRUE(wait_closed());
}

TEST_F(TlsStream, AfterTheEndOfItsStreamAPeerStillGetsWhatItIsOwed) {
  open_tls([](TestHandler& handler) { handler.is_server = handler.is_busy = true; });
  TlsPeer peer = secured();
  ASSERT_TRUE(peer.send(test_frame(10)));
  SSL_shutdown(peer.ssl());
  ASSERT_TRUE(wait_frames(1));
  on_io(io_, [&] {
    append(test_frame(20));
    handler_->is_busy = false;
    connection_->close_if_done();
  });
  EXPECT_EQ(peer.receive(20), test_frame(20));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kPeerClosed);
  EXPECT_TRUE(peer.read_to_end());
}

TEST_F(TlsStream, AnEndThatComesWithTheEndOfTheHandshakeIsAnswered) {
  open_tls([](TestHandler& handler) { handler.is_server = true; });
  TlsPeer peer(std::move(*peer_));
  BIO* const held = BIO_new(BIO_s_mem());
  SSL_set0_wbio(peer.ssl(), held);
  SSL_set0_rbio(peer.ssl(), BIO_new(BIO_s_mem()));  // nothing to read: it stops behind its first message
  const auto send_held = [&] {
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(held, &data));
    const bool sent = peer.socket().send({reinterpret_cast<std::uint8_t*>(data), size});
    BIO_reset(held);
    return sent;
  };
  ASSERT_FALSE(peer.shake_hands());
  ASSERT_TRUE(send_held());
  SSL_set0_rbio(peer.ssl(), BIO_new_socket(peer.socket().fd(), BIO_NOCLOSE));
  ASSERT_TRUE(peer.shake_hands());
  SSL_shutdown(peer.ssl());
  ASSERT_TRUE(send_held());
  EXPECT_TRUE(peer.read_to_end()) << "close_notify";
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kPeerClosed);
}

TEST_F(TlsStream, AnEndWithoutCloseNotifyIsAReset) {
  open_tls([](TestHandler& handler) { handler.is_server = true; });
  TlsPeer peer = secured();
  ASSERT_TRUE(peer.send(test_frame(10)));
  ASSERT_TRUE(wait_frames(1));
  peer.socket().close();
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kReset);
}

TEST_F(TlsStream, GarbageIsAnsweredWithAnAlert) {
  open_tls();
  ASSERT_TRUE(peer_->send(as_bytes("GET / HTTP/1.1\r\n\r\n")));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLayer);
  EXPECT_NE(failure(), "");
}

TEST_F(TlsStream, AChangedRecordBreaksIt) {
  open_tls();
  TlsPeer peer = secured();
  Bytes forged(60, 7);
  forged[0] = 23, forged[1] = 3, forged[2] = 3, forged[3] = 0, forged[4] = 55;
  ASSERT_TRUE(peer.socket().send(forged));
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLayer);
  EXPECT_EQ(handler_->heard.get().frames.size(), 0U);
}

TEST_F(TlsStream, RefusesToRenegotiate) {
  open_tls();
  TlsPeer peer = secured({.version = TLS1_2_VERSION});
  ASSERT_EQ(SSL_renegotiate(peer.ssl()), 1);
  SSL_do_handshake(peer.ssl());
  Bytes sink(10);
  EXPECT_LE(SSL_read(peer.ssl(), sink.data(), 10), 0) << "the alert no_renegotiation";
  ERR_clear_error();
}

TEST_F(TlsStream, AFloodOfAttemptsToRenegotiateBreaksIt) {
  open_tls();
  TlsPeer peer = secured({.version = TLS1_2_VERSION});
  // OpenSSL's client gives up at the first refusal, so these are only written.
  const int fd = peer.socket().fd();
  for (int i = 0; i < 100; ++i) {
    SSL_renegotiate(peer.ssl());
    SSL_do_handshake(peer.ssl());
    ERR_clear_error();
  }
  ::shutdown(fd, SHUT_WR);
  ASSERT_TRUE(wait_closed());
}

TEST_F(TlsStream, AFloodOfKeyUpdatesBreaksIt) {
  open_tls();
  TlsPeer peer = secured();
  for (int i = 0; i < 1000; ++i) {
    if (SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(peer.ssl()) != 1) break;
  }
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLayer);
}

TEST_F(TlsStream, AFloodOfKeyUpdatesWithFewBytesBetweenBreaksIt) {
  open_tls();
  TlsPeer peer = secured();
  const Bytes frame = test_frame(1000);
  bool open = true;
  for (std::size_t at = 0; open && at < frame.size(); ++at) {
    for (int i = 0; open && i < 16; ++i) {
      open = SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(peer.ssl()) == 1;
    }
    open = open && peer.send(ByteSpan(frame).subspan(at, 1));
  }
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLayer);
  EXPECT_EQ(failure(), "too many key updates, alerts or attempts to renegotiate");
}

TEST_F(TlsStream, ManySmallRecordsAtOnceAllCome) {
  open_tls();
  TlsPeer peer = secured();
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_TRUE(peer.send(test_frame(10)));
  EXPECT_TRUE(wait_frames(1000));
}

TEST_F(TlsStream, AnswersKeyUpdates) {
  open_tls();
  TlsPeer peer = secured();
  for (std::size_t i = 1; i <= 100; ++i) {
    ASSERT_EQ(SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_TRUE(peer.send(test_frame(300)));
    ASSERT_TRUE(wait_frames(i));
    on_io(io_, [&] { append(test_frame(12)); });
    ASSERT_EQ(peer.receive(12), test_frame(12));
  }
}

TEST_F(TlsStream, ChoosesTheServersFavouriteProtocolOfAlpn) {
  context_ = server_context(server_settings({"h2", "tinypb"}));
  open_tls();
  TlsPeer peer = secured({.alpn = {"http/1.1", "tinypb", "h2"}});
  EXPECT_EQ(peer.protocol(), "h2");
  on_io(io_, [&] { EXPECT_EQ(stream_->protocol(), "h2"); });
}

TEST_F(TlsStream, NoProtocolInCommonEndsTheHandshake) {
  open_tls();
  TlsPeer peer(std::move(*peer_), {.alpn = {"http/1.1", "tinypbx", "tiny"}});
  EXPECT_FALSE(peer.shake_hands());
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), CloseReason::kLayer);
  EXPECT_EQ(secured_.get(), 0);
}

TEST_F(TlsStream, AClientsCertificateDecides) {
  tls::ContextSettings settings = server_settings();
  settings.authorities = {test_authority().certificate};
  context_ = server_context(settings, {.ask = true});
  const Identity good = make_identity("good", {.issuer = &test_authority()});
  const Identity expired = make_identity("expired", {.issuer = &test_authority(), .days = -1});
  const Identity other = make_identity("somebody else's");
  const Identity wrong = make_identity("wrong", {.issuer = &other});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Identity* identity : std::initializer_list<const Identity*>{nullptr, &good, &expired, &other, &wrong}) {
      open_tls();
      const int before = secured_.get();
      TlsPeer peer(std::move(*peer_), {.version = version, .identity = identity});
      // With TLS 1.3 a client hears of the refusal only when it reads.
      const bool done = peer.shake_hands();
      if (identity == &good) {
        EXPECT_TRUE(done);
        ASSERT_TRUE(peer.send(test_frame(10)));
        ASSERT_TRUE(wait_frames(1));
        on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
      } else {
        EXPECT_FALSE(done && peer.read_to_end());
      }
      ASSERT_TRUE(wait_closed());
      EXPECT_EQ(secured_.get() - before, identity == &good ? 1 : 0);
      EXPECT_EQ(reason(), identity == &good ? CloseReason::kLocal : CloseReason::kLayer) << failure();
      EXPECT_EQ(handler_->heard.get().frames.size(), identity == &good ? 1U : 0U);
      on_io(io_, [this] { handler_.reset(), connection_.reset(); });
    }
  }
}

/// What a client keeps of a connection for the next one.
struct Kept {
  bool was_resumed = false;
  unsigned long lifetime = 0;  ///< as the server says, in seconds
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session{nullptr, &SSL_SESSION_free};
};

TEST_F(TlsStream, ASessionEndsWithTheFirstCertificateThatItsHandshakeHasChecked) {
  const Identity old_authority = make_identity("old authority", {.days = -1});
  tls::ContextSettings settings = server_settings();
  settings.authorities = {test_authority().certificate, old_authority.certificate};
  // Whoever comes is let in, so that nobody has to wait for a certificate to expire.
  context_ = server_context(settings, {.ask = true, .reject = false});
  const auto connect = [&](const Identity* identity, int version, const Kept* before) {
    open_tls();
    Kept kept;
    {
      TlsPeer peer = secured(
          {.version = version, .identity = identity, .session = before == nullptr ? nullptr : before->session.get()});
      on_io(io_, [&] { append(test_frame(10)); });
      EXPECT_EQ(peer.receive(10), test_frame(10));  // and the tickets before it
      kept.was_resumed = SSL_session_reused(peer.ssl()) == 1;
      kept.session.reset(SSL_get1_session(peer.ssl()));
      kept.lifetime = SSL_SESSION_get_ticket_lifetime_hint(kept.session.get());
      on_io(io_, [&] { connection_->close(CloseReason::kLocal); });
      EXPECT_TRUE(wait_closed());
      SSL_set_shutdown(peer.ssl(), SSL_SENT_SHUTDOWN);  // or OpenSSL would not go on with it
    }
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
    return kept;
  };
  const Identity good = make_identity("good", {.issuer = &test_authority()});
  const Identity brief = make_identity("brief", {.issuer = &test_authority(), .days = 0, .seconds = 100});
  const Identity expired = make_identity("expired", {.issuer = &test_authority(), .days = -1});
  const Identity orphan = make_identity("orphan", {.issuer = &old_authority});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Identity* identity : {&good, &brief, &expired, &orphan}) {
      const bool goes_on = identity == &good || identity == &brief;
      const unsigned long most = identity == &good ? 300 : identity == &brief ? 100 : 1;
      const Kept first = connect(identity, version, nullptr);
      EXPECT_LE(first.lifetime, most);
      EXPECT_GE(first.lifetime + 90, most);
      const Kept second = connect(identity, version, &first);
      EXPECT_EQ(second.was_resumed, goes_on);
      if (!goes_on) continue;
      EXPECT_LE(second.lifetime, most) << "no longer for being resumed";
      EXPECT_TRUE(connect(identity, version, &second).was_resumed);
    }
    const Kept nobody = connect(nullptr, version, nullptr);
    EXPECT_TRUE(connect(nullptr, version, &nobody).was_resumed);
  }
}

TEST_F(TlsStream, NobodySendsDirectlyPastIt) {
  open_tls();
  TlsPeer peer = secured();
  std::size_t sent = 0;
  EXPECT_FALSE(connection_->can_direct());
  EXPECT_EQ(connection_->direct_send(test_frame(10), sent), io::Connection::Direct::kBusy);
}

}  // namespace
}  // namespace rocket::test
