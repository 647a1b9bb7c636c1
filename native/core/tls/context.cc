#include "tls/context.h"

#include <algorithm>
#include <utility>

#include "tls/failure.h"
#include "tls/session_end.h"
#include "tls/socket_bio.h"
#include "tls/stream.h"

namespace rocket::tls {

namespace {

/// Level 2 means 112 bits: RSA keys of 2048 bits, no SHA-1. OpenSSL's default differs between versions.
constexpr int kSecurityLevel = 2;

/// Bytes of the names of its authorities that a server sends to clients, which may choose a certificate by them. Past
/// 64 KiB no handshake succeeds, and some clients accept messages of up to 32 KiB only.
constexpr std::size_t kMostNames = 30'000;

int number_of(Version version) { return version == Version::k12 ? TLS1_2_VERSION : TLS1_3_VERSION; }

/// Suites of TLS 1.3 and those of earlier versions, which OpenSSL takes as separate lists.
struct Suites {
  std::string modern;
  std::string older;
};
Suites split(std::string_view list) {
  Suites suites;
  while (!list.empty()) {
    const auto one = list.substr(0, list.find_first_of(":;, "));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    if (one.empty()) continue;
    std::string& to = one.starts_with("TLS_") ? suites.modern : suites.older;
    if (!to.empty()) to += ':';
    to += one;
  }
  return suites;
}

int always(int, X509_STORE_CTX*) { return 1; }

/// The server's choice among a client's protocols. If there is none in common, the handshake fails (RFC 7301, 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int size, void* context) {
  const std::string_view mine = static_cast<const Context*>(context)->alpn();
  const std::string_view theirs(reinterpret_cast<const char*>(offered), size);
  for (std::size_t i = 0; i < mine.size(); i += 1 + static_cast<unsigned char>(mine[i])) {
    const auto name = mine.substr(i, 1 + static_cast<unsigned char>(mine[i]));
    for (std::size_t at = 0; at < theirs.size(); at += 1 + static_cast<unsigned char>(theirs[at])) {
      if (theirs.substr(at, name.size()) != name) continue;
      *chosen = offered + at + 1;
      *length = static_cast<unsigned char>(name.size() - 1);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Uses the context of the stream to which the ticket belongs.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seal) {
  return seal_or_open_ticket(Stream::of(ssl).context().ticket_keys(), name, iv, cipher, mac, seal != 0);
}

int on_session(SSL* ssl, SSL_SESSION* session) { return Stream::of(ssl).keep_session(session) ? 1 : 0; }

void on_message(int sent, int, int type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  if (sent == 0) Stream::of(ssl).on_message(type, {static_cast<const std::uint8_t*>(bytes), size});
}

/// The number of certificates that the context can show: one for each kind of key.
std::size_t shown_certificates(SSL_CTX* context) {
  std::size_t count = 0;
  for (long which = SSL_CERT_SET_FIRST; SSL_CTX_set_current_cert(context, which) == 1; which = SSL_CERT_SET_NEXT) {
    ++count;
  }
  return count;
}

ContextError refused(const char* option, const char* otherwise) {
  const std::string error = first_error();
  return {option, error.empty() ? otherwise : error};
}

/// Sessions made under one set of rules must not be resumed under another, not even with the same ticket keys.
std::string digest_of(const ContextSettings& settings, const PeerDemands& demands) {
  std::string rules{demands.ask ? 'a' : '-', demands.reject ? 'r' : '-'};
  for (const auto* list : {&settings.authorities, &settings.revocations}) {
    for (const std::string& text : *list) rules += std::to_string(text.size()) + ':' + text;
    rules += ';';
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(rules.data(), rules.size(), digest, &size, EVP_sha256(), nullptr) != 1) return {};
  return {reinterpret_cast<const char*>(digest), size};
}

}  // namespace

Context::Made Context::for_server(const ContextSettings& settings, const PeerDemands& demands) {
  const ErrorScope errors;
  std::shared_ptr<Context> made(new Context);
  if (auto error = made->load(settings, true)) return *error;
  SSL_CTX* context = made->get();
  if (settings.keys.empty() && settings.pfx.empty()) return ContextError{"key", "a server needs a key"};
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, made.get());
  if (demands.ask) {
    const int mode = SSL_VERIFY_PEER | (demands.reject ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context, mode, demands.reject ? nullptr : &always);
  }
  const std::string digest = digest_of(settings, demands);
  if (digest.empty() || SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(digest.data()),
                                                       static_cast<unsigned int>(digest.size())) != 1) {
    return refused("ca", "no memory");
  }
  // Sessions exist only in tickets: the server keeps nothing for a client that has disconnected.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  const std::string_view ticket_keys = settings.ticket_keys.view();
  if (!ticket_keys.empty() && ticket_keys.size() != TicketKeys::kBytes) {
    return ContextError{"ticketKeys", "48 bytes are needed"};
  }
  if (!made->ticket_keys_.start(ticket_keys, steady_now_ms())) return refused("ticketKeys", "there is no randomness");
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket);
  SSL_CTX_set_session_ticket_cb(context, &write_session_end, &check_session_end, nullptr);
  return made;
}

Context::Made Context::for_client(const ContextSettings& settings, bool verify) {
  const ErrorScope errors;
  std::shared_ptr<Context> made(new Context);
  if (auto error = made->load(settings, false)) return *error;
  if (verify && settings.authorities.empty() && !settings.openssl_authorities)
    return ContextError{"ca", "there is no authority to believe"};
  made->verifies_ = verify;
  SSL_CTX_set_verify(made->get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  // Each endpoint keeps its own session.
  SSL_CTX_set_session_cache_mode(made->get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(made->get(), &on_session);
  return made;
}

std::optional<ContextError> Context::load(const ContextSettings& settings, bool server) {
  context_.reset(SSL_CTX_new(TLS_method()));
  if (socket_bio_method() == nullptr || context_ == nullptr) return refused("tls", "no memory");
  SSL_CTX_set_security_level(get(), kSecurityLevel);
  SSL_CTX_set_options(get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_msg_callback(get(), &on_message);
  // One read of the socket for a record, not one for its head and one for the rest.
  SSL_CTX_set_read_ahead(get(), 1);
  for (const std::string& name : settings.alpn) {
    alpn_ += static_cast<char>(name.size());
    alpn_ += name;
  }
  // The rules first: the security level in the list of ciphers concerns certificates.
  if (auto error = load_rules(settings)) return error;
  if (auto error = load_identity(settings)) return error;
  return load_trust(settings, server);
}

std::optional<ContextError> Context::load_rules(const ContextSettings& settings) {
  Version least = settings.least;
  Version most = settings.most;
  if (!settings.ciphers.empty()) {
    const Suites suites = split(settings.ciphers);
    // If the list has suites of one version only, the other version is not used, as in Node.js.
    if (suites.modern.empty() && most == Version::k13) most = Version::k12;
    if (suites.older.empty() && least == Version::k12) least = Version::k13;
    if (least > most) return ContextError{"ciphers", "no suite of it belongs to the versions that are allowed"};
    if (SSL_CTX_set_ciphersuites(get(), suites.modern.c_str()) != 1) return refused("ciphers", "no such cipher suite");
    // Even if the list names them: no suites without authentication of the server, or without encryption.
    if (!suites.older.empty() && SSL_CTX_set_cipher_list(get(), (suites.older + ":!aNULL:!eNULL").c_str()) != 1) {
      return refused("ciphers", "no such cipher suite");
    }
  }
  if (least > most) return ContextError{"minVersion", "it is above maxVersion"};
  if (SSL_CTX_set_min_proto_version(get(), number_of(least)) != 1 ||
      SSL_CTX_set_max_proto_version(get(), number_of(most)) != 1) {
    return refused("minVersion", "this OpenSSL does not speak it");
  }
  if (!settings.curves.empty() && SSL_CTX_set1_groups_list(get(), settings.curves.c_str()) != 1) {
    return ContextError{"ecdhCurve", "there is a curve in it that this OpenSSL does not have"};
  }
  if (settings.dh_parameters == "auto") {
    SSL_CTX_set_dh_auto(get(), 1);
  } else if (!settings.dh_parameters.empty()) {
    auto parsed = dh_parameters_of(settings.dh_parameters);
    if (parsed.key == nullptr) return ContextError{"dhparam", parsed.error};
    if (SSL_CTX_set0_tmp_dh_pkey(get(), parsed.key.get()) != 1) return refused("dhparam", "not for Diffie-Hellman");
    parsed.key.release();
  }
  return std::nullopt;
}

std::optional<ContextError> Context::load_identity(const ContextSettings& settings) {
  if (settings.keys.size() != settings.certificates.size()) {
    return ContextError{settings.keys.size() > settings.certificates.size() ? "cert" : "key",
                        "there are " + std::to_string(settings.keys.size()) + " keys and " +
                            std::to_string(settings.certificates.size()) + " certificates"};
  }
  for (std::size_t i = 0; i < settings.keys.size(); ++i) {
    const auto& [pem, passphrase] = settings.keys[i];
    const auto parsed = private_key_of(pem.view(), passphrase.view());
    if (parsed.key == nullptr) return ContextError{"key", parsed.error};
    const auto chain = certificates_of(settings.certificates[i]);
    if (!chain.error.empty()) return ContextError{"cert", chain.error};
    if (auto error = use("cert", parsed.key.get(), chain.items)) return error;
  }
  for (const auto& [bytes, passphrase] : settings.pfx) {
    const auto parsed = pfx_of(bytes.view(), passphrase.view());
    if (!parsed.error.empty()) return ContextError{"pfx", parsed.error};
    if (auto error = use("pfx", parsed.key.get(), parsed.chain)) return error;
  }
  if (shown_certificates(get()) < settings.keys.size() + settings.pfx.size()) {
    return ContextError{settings.keys.size() > 1 ? "cert" : "pfx",
                        "there are several of one kind of key (RSA, EC), of which only one can be shown"};
  }
  return std::nullopt;
}

std::optional<ContextError> Context::use(const char* option, EVP_PKEY* key, const std::vector<Owned<X509>>& chain) {
  const ErrorScope errors;
  if (SSL_CTX_use_certificate(get(), chain.front().get()) != 1) return refused(option, "it cannot be used");
  SSL_CTX_clear_chain_certs(get());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(get(), chain[i].get()) != 1) return refused(option, "its chain cannot be used");
  }
  if (SSL_CTX_use_PrivateKey(get(), key) != 1 || SSL_CTX_check_private_key(get()) != 1) {
    return refused(option, "the key is not that of the certificate");
  }
  for (const auto& certificate : chain) {
    const UnixSeconds until = seconds_of(X509_get0_notAfter(certificate.get()));
    if (validity_ && validity_->until <= until) continue;
    validity_ = Validity{seconds_of(X509_get0_notBefore(certificate.get())), until};
  }
  return std::nullopt;
}

std::optional<ContextError> Context::load_trust(const ContextSettings& settings, bool server) {
  X509_STORE* store = SSL_CTX_get_cert_store(get());
  if (settings.openssl_authorities && SSL_CTX_set_default_verify_paths(get()) != 1) return refused("ca", "no memory");
  std::vector<Owned<X509>> authorities;
  std::size_t names = 0;
  for (const std::string& pem : settings.authorities) {
    auto parsed = certificates_of(pem);
    if (!parsed.error.empty()) return ContextError{"ca", parsed.error};
    for (auto& authority : parsed.items) {
      if (X509_STORE_add_cert(store, authority.get()) != 1) return refused("ca", "it cannot be used");
      names += static_cast<std::size_t>(i2d_X509_NAME(X509_get_subject_name(authority.get()), nullptr));
      authorities.push_back(std::move(authority));
    }
  }
  // A server tells its clients which authorities it trusts.
  for (const auto& authority : authorities) {
    if (!server || names > kMostNames) break;
    if (SSL_CTX_add_client_CA(get(), authority.get()) != 1) return refused("ca", "it cannot be used");
  }
  for (const std::string& pem : settings.revocations) {
    const auto parsed = revocations_of(pem);
    if (!parsed.error.empty()) return ContextError{"crl", parsed.error};
    for (const auto& list : parsed.items) {
      if (X509_STORE_add_crl(store, list.get()) != 1) return refused("crl", "it cannot be used");
      const ASN1_TIME* until = X509_CRL_get0_nextUpdate(list.get());
      if (until != nullptr) revocations_until_ = std::min(revocations_until_, seconds_of(until));
    }
    // For the whole chain: an authority without a list is then an error, too.
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }
  return std::nullopt;
}

}  // namespace rocket::tls
