#include "support/tls_peer.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <csignal>

namespace rocket::test {

namespace {

template <typename Write>
std::string pem_of(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

X509* certificate_from(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* key_from(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

void extend(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Identity make_identity(const std::string& name, const IdentityOptions& options) {
  static long serial = 1;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  constexpr long kDay = 24 * 3600;
  X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.days * kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* issuer = options.issuer == nullptr ? certificate : certificate_from(options.issuer->certificate);
  EVP_PKEY* issuer_key = options.issuer == nullptr ? key : key_from(options.issuer->key);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  if (options.issuer == nullptr) {
    extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  } else {
    extend(certificate, NID_subject_alt_name, ("DNS:" + name).c_str());
  }
  X509_sign(certificate, issuer_key, EVP_sha256());
  Identity made;
  made.certificate = pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  made.key = pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  if (issuer != certificate) X509_free(issuer);
  if (issuer_key != key) EVP_PKEY_free(issuer_key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

const Identity& test_authority() {
  static const Identity made = make_identity("test authority");
  return made;
}

const Identity& test_server_identity() {
  static const Identity made = make_identity("localhost", {.issuer = &test_authority()});
  return made;
}

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
  if (options.identity != nullptr) {
    X509* certificate = certificate_from(options.identity->certificate);
    EVP_PKEY* key = key_from(options.identity->key);
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
  SSL_set_connect_state(ssl_);
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
