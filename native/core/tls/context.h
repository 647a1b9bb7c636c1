#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tls/pem.h"
#include "tls/ticket_keys.h"
#include "tls/validity.h"

namespace rocket::tls {

enum class Version : std::uint8_t { k12, k13 };

/// The certificates that a side shows, and the authorities that it trusts. Texts are PEM unless stated otherwise.
struct ContextSettings {
  struct Key {
    Secret pem;
    Secret passphrase;
  };
  struct Pfx {
    Secret bytes;  ///< DER
    Secret passphrase;
  };
  /// Keys in the order of the certificates, each of which has its chain: as many of both, or none.
  std::vector<Key> keys;
  std::vector<std::string> certificates;
  std::vector<Pfx> pfx;
  std::vector<std::string> authorities;
  /// Trusts the default authorities of OpenSSL too: SSL_CERT_FILE, SSL_CERT_DIR, or where it was built to look.
  bool openssl_authorities = false;
  std::vector<std::string> revocations;
  /// OpenSSL's list of cipher suites; those of TLS 1.3 may be among them. Empty: OpenSSL's own.
  std::string ciphers;
  Version least = Version::k12;
  Version most = Version::k13;
  /// Empty: OpenSSL's own.
  std::string curves;
  /// Parameters for DHE, or `auto`. Empty: none.
  std::string dh_parameters;
  /// For a server (TicketKeys), to be shared with other processes. Empty: it makes its own.
  Secret ticket_keys;
  /// For a server: its protocols for ALPN, the preferred one first.
  std::vector<std::string> alpn;
};

/// For a server: its rules for clients' certificates.
struct PeerDemands {
  bool ask = false;    ///< for a certificate
  bool reject = true;  ///< a client without a valid one
};

/// An option that could not be used.
struct ContextError {
  std::string option;  ///< its name, such as `key`
  std::string why;     ///< never quotes its value
};

/// The certificates, keys and rules that all connections of a side share. Immutable; any thread may use it.
class Context {
 public:
  using Made = std::variant<std::shared_ptr<const Context>, ContextError>;
  /// May be called only if unavailable() is empty.
  static Made for_server(const ContextSettings& settings, const PeerDemands& demands);

  /// `verify`: accept only servers whose certificate comes from an authority and is for the name that is connected to.
  static Made for_client(const ContextSettings& settings, bool verify);

  bool verifies() const { return verifies_; }
  SSL_CTX* get() const { return context_.get(); }
  /// The validity of the own certificate (or intermediate one) that expires first.
  const std::optional<Validity>& validity() const { return validity_; }
  /// When the first of its lists of revoked certificates expires; the far future if it has none.
  UnixSeconds revocations_until() const { return revocations_until_; }
  /// In the form of ALPN: each name preceded by its length.
  const std::string& alpn() const { return alpn_; }
  TicketKeys& ticket_keys() const { return ticket_keys_; }

 private:
  Context() = default;
  std::optional<ContextError> load(const ContextSettings& settings, bool server);
  std::optional<ContextError> load_identity(const ContextSettings& settings);
  std::optional<ContextError> load_trust(const ContextSettings& settings, bool server);
  std::optional<ContextError> load_rules(const ContextSettings& settings);
  std::optional<ContextError> use(const char* option, EVP_PKEY* key, const std::vector<Owned<X509>>& chain);

  std::string alpn_;
  std::optional<Validity> validity_;
  UnixSeconds revocations_until_ = std::numeric_limits<UnixSeconds>::max();
  bool verifies_ = false;  ///< servers
  mutable TicketKeys ticket_keys_;
  Owned<SSL_CTX> context_;
};

}  // namespace rocket::tls
