#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/raw_peer.h"
#include "support/test_identity.h"
#include "tls/context.h"

namespace rocket::test {

tls::ContextSettings server_settings(const std::vector<std::string>& alpn = {"tinypb"});
std::shared_ptr<const tls::Context> server_context(const tls::ContextSettings& settings = server_settings(),
                                                   const tls::PeerDemands& demands = {});

/// A client or server of OpenSSL's own on a blocking socket. Every wait ends after kPatience.
class TlsPeer {
 public:
  struct Options {
    int version = TLS1_3_VERSION;
    std::vector<std::string> alpn;
    const Identity* identity = nullptr;
    SSL_SESSION* session = nullptr;
    bool serves = false;  ///< with the certificate of test_server_identity()
  };
  explicit TlsPeer(RawPeer socket, const Options& options);
  explicit TlsPeer(RawPeer socket) : TlsPeer(std::move(socket), Options()) {}
  TlsPeer(TlsPeer&& other) noexcept
      : socket_(std::move(other.socket_)),
        context_(std::exchange(other.context_, nullptr)),
        ssl_(std::exchange(other.ssl_, nullptr)) {}
  ~TlsPeer();

  SSL* ssl() { return ssl_; }
  RawPeer& socket() { return socket_; }
  bool shake_hands() { return SSL_do_handshake(ssl_) == 1; }
  bool send(ByteSpan bytes);
  /// `size` bytes, or fewer at the end of the stream.
  Bytes receive(std::size_t size);
  /// What one record has, or an earlier one has left.
  Bytes receive_record();
  /// True for an orderly end: close_notify.
  bool read_to_end();
  std::string protocol() const;

 private:
  RawPeer socket_;
  SSL_CTX* context_;
  SSL* ssl_;
};

}  // namespace rocket::test
