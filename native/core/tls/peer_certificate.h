#pragma once

#include <string>

#include "io/peer_identity.h"
#include "tls/openssl.h"

namespace rocket::tls {

/// The certificate that a client has shown in its handshake, or in that of the session that it resumes. Set by the io
/// thread before the first request of the connection is passed on, and immutable from then on.
class PeerCertificate {
 public:
  // io thread:
  /// After the handshake.
  void take(const SSL* ssl);

  // any thread:
  const io::PeerIdentity& identity() const { return identity_; }
  /// DER; empty if there is none, or no memory.
  std::string der() const;

 private:
  Owned<X509> certificate_;  ///< the session's
  io::PeerIdentity identity_;
};

/// The name that node:tls has for an outcome of verification, such as `CERT_HAS_EXPIRED`; empty for X509_V_OK.
std::string_view name_of_verify_result(long result);

}  // namespace rocket::tls
