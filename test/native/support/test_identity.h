#pragma once

#include <openssl/x509.h>

#include <string>

namespace rocket::test {

/// A certificate made for a test, and its key, as PEM.
struct Identity {
  std::string certificate;
  std::string key;
};
struct IdentityOptions {
  const Identity* issuer = nullptr;  ///< null: signed by itself
  int days = 1;                      ///< until it expires; negative: so many days ago
  int seconds = 0;                   ///< more than that
};
Identity make_identity(const std::string& name, const IdentityOptions& options = {});

/// What they are, to be freed by the caller.
X509* read_certificate(const std::string& pem);
EVP_PKEY* read_key(const std::string& pem);

/// An authority and a server that it vouches for; made once.
const Identity& test_authority();
const Identity& test_server_identity();

}  // namespace rocket::test
