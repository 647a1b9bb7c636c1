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

/// What a side shows of itself, and whom it believes. Texts are PEM unless they say otherwise.
struct ContextSettings {
  struct Key {
    Secret pem;
    Secret passphrase;
  };
  struct Pfx {
    Secret bytes;  ///< DER
    Secret passphrase;
  };
  /// As many certificates, each with its chain, as keys, in the same order; or none of both.
  std::vector<Key> keys;
  std::vector<std::string> certificates;
  std::vector<Pfx> pfx;
  std::vector<std::string> authorities;
  /// Whom OpenSSL believes besides: SSL_CERT_FILE, SSL_CERT_DIR, or where it was built to look.
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
  /// A server's (TicketKeys), to be shared with other processes. Empty: its own.
  Secret ticket_keys;
  /// A server's names for ALPN, the preferred one first.
  std::vector<std::string> alpn;
};

/// A server's: what it asks of its clients.
struct PeerDemands {
  bool ask = false;    ///< for a certificate
  bool reject = true;  ///< a client without one, or with one that is not valid
};

/// An option that could not be used.
struct ContextError {
  std::string option;  ///< its name, such as `key`
  std::string why;     ///< never with anything of its value
};

/// What all connections of a side share: certificates, keys, rules. Immutable; any thread may hold it.
class Context {
 public:
  using Made = std::variant<std::shared_ptr<const Context>, ContextError>;
  /// Only where unavailable() is empty.
  static Made for_server(const ContextSettings& settings, const PeerDemands& demands);

  /// `verify`: only servers whose certificate comes from an authority and is for the name that is connected to.
  static Made for_client(const ContextSettings& settings, bool verify);

  bool verifies() const { return verifies_; }
  SSL_CTX* get() const { return context_.get(); }
  /// Of the side's own certificates, those that signed them included, the one that expires first.
  const std::optional<Validity>& validity() const { return validity_; }
  /// When the first of its lists of revoked certificates expires; the far future without any.
  UnixSeconds revocations_until() const { return revocations_until_; }
  /// In the form of ALPN: each with its length before it.
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
