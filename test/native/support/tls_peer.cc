#include "support/tls_peer.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>
#include <csignal>

namespace rocket::test {

tls::ContextSettings server_settings(const std::vector<std::string>& alpn) {
  tls::ContextSettings settings;
  settings.keys.push_back({tls::Secret(test_server_identity().key), tls::Secret()});
  settings.certificates.push_back(test_server_identity().certificate);
  settings.alpn = alpn;
  return settings;
}

std::shared_ptr<const tls::Context> server_context(const tls::ContextSettings& settings,
                                                   const tls::PeerDemands& demands) {
  auto made = tls::Context::for_server(settings, demands);
  if (const auto* error = std::get_if<tls::ContextError>(&made)) {
    ADD_FAILURE() << error->option << ": " << error->why;
    return nullptr;
  }
  return std::get<std::shared_ptr<const tls::Context>>(made);
}

TlsPeer::TlsPeer(RawPeer socket, const Options& options)
    : socket_(std::move(socket)), context_(SSL_CTX_new(TLS_method())) {
  // OpenSSL writes to its socket with write(2): without this a server that has closed would end the test.
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX_set_min_proto_version(context_, options.version);
  SSL_CTX_set_max_proto_version(context_, options.version);
  const Identity* const identity = options.serves ? &test_server_identity() : options.identity;
  if (identity != nullptr) {
    X509* certificate = read_certificate(identity->certificate);
    EVP_PKEY* key = read_key(identity->key);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ssl_ = SSL_new(context_);
  std::string alpn;
  for (const std::string& name : options.alpn) alpn += static_cast<char>(name.size()) + name;
  if (!alpn.empty()) {
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned int>(alpn.size()));
  }
  if (options.session != nullptr) SSL_set_session(ssl_, options.session);
  SSL_set_fd(ssl_, socket_.fd());
  options.serves ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
}

TlsPeer::~TlsPeer() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ERR_clear_error();
}

bool TlsPeer::send(ByteSpan bytes) {
  return bytes.empty() || SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

Bytes TlsPeer::receive(std::size_t size) {
  Bytes got(size);
  std::size_t have = 0;
  while (have < size) {
    const int more = SSL_read(ssl_, got.data() + have, static_cast<int>(size - have));
    if (more <= 0) break;
    have += static_cast<std::size_t>(more);
  }
  got.resize(have);
  return got;
}

Bytes TlsPeer::receive_record() {
  Bytes got(SSL3_RT_MAX_PLAIN_LENGTH);
  const int size = SSL_read(ssl_, got.data(), static_cast<int>(got.size()));
  got.resize(static_cast<std::size_t>(std::max(size, 0)));
  return got;
}

bool TlsPeer::read_to_end() {
  Bytes sink(4096);
  int result = 0;
  do {
    ERR_clear_error();
    result = SSL_read(ssl_, sink.data(), static_cast<int>(sink.size()));
  } while (result > 0);
  return SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN;
}

std::string TlsPeer::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace rocket::test
