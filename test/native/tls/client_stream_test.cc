// A client's TLS between a connection and its socket, against OpenSSL's own server.

#include <memory>
#include <thread>
#include <variant>

#include "support/connection_fixture.h"
#include "support/tls_peer.h"
#include "tls/stream.h"

namespace rocket::test {
namespace {

using Next = io::ByteStream::Next;

class TlsClientStream : public ConnectionTest {
 protected:
  /// Connects to an OpenSSL server, which it returns.
  std::unique_ptr<TlsPeer> open_tls(int version) {
    open([this](TestHandler&) {
      auto context = std::get<std::shared_ptr<const tls::Context>>(tls::Context::for_client({}, /* verify */ false));
      auto stream = tls::Stream::connect(io_, connection_->socket(), std::move(context), {});
      stream_ = stream.get();
      EXPECT_EQ(stream->handshake(), Next::kReadable);  // the first message, before the connection writes
      connection_->pause_reading(io::Connection::kSession);
      connection_->put_layer(std::move(stream));
    });
    auto peer = std::make_unique<TlsPeer>(std::move(*peer_), TlsPeer::Options{.version = version, .serves = true});
    std::jthread server([&] { EXPECT_TRUE(peer->shake_hands()); });
    Next next = Next::kReadable;
    EXPECT_TRUE(eventually({&io_}, [&] {
      on_io(io_, [&] { next = stream_->handshake(); });
      return next != Next::kReadable;
    }));
    EXPECT_EQ(next, Next::kAgain);
    on_io(io_, [this] { handler_->resume(); });
    return peer;
  }

  tls::Stream* stream_ = nullptr;
};

TEST_F(TlsClientStream, WhatAServerSentBeforeItWasGoneIsRead) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto peer = open_tls(version);
    on_io(io_, [&] {
      EXPECT_TRUE(peer->send(test_frame(100, 7)));
      EXPECT_TRUE(peer->send(test_frame(40'000, 8)));
      peer->socket().close();
      append(test_frame(100, 1));
      connection_->write_now();
    });
    ASSERT_TRUE(wait_closed());
    EXPECT_EQ(reason(), io::CloseReason::kReset);
    const std::vector<Bytes> sent{test_frame(100, 7), test_frame(40'000, 8)};
    EXPECT_EQ(handler_->heard.get().frames, sent);
    on_io(io_, [this] { handler_.reset(), connection_.reset(); });
  }
}

TEST_F(TlsClientStream, TheAlertOfAServerThatIsGoneIsTheReason) {
  const auto peer = open_tls(TLS1_3_VERSION);
  on_io(io_, [&] {
    Bytes forged{23, 3, 3, 0, 20};
    forged.resize(25, 9);
    iovec const part{forged.data(), forged.size()};
    connection_->socket().write({&part, 1});
    EXPECT_EQ(peer->receive(1), Bytes{});  // it refuses the record with an alert
    peer->socket().close();
    append(test_frame(100, 1));
    connection_->write_now();
  });
  ASSERT_TRUE(wait_closed());
  EXPECT_EQ(reason(), io::CloseReason::kLayer);
  EXPECT_NE(connection_->why_layer_failed().find("bad record mac"), std::string::npos)
      << connection_->why_layer_failed();
}

}  // namespace
}  // namespace rocket::test
