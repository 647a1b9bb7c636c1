#include "tls/failure.h"

namespace rocket::tls {

namespace {

/// A guess at the peer's reason from its alert; empty if the alert does not show it.
const char* hint_of_alert(int alert, bool is_server) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA: return "the peer does not believe the certificate of this side (option tls.cert)";
    case SSL_AD_CERTIFICATE_REQUIRED: return "the peer asks for a certificate (options tls.cert, tls.key)";
    case SSL_AD_PROTOCOL_VERSION: return "no version in common (options tls.minVersion, tls.maxVersion)";
    case SSL_AD_NO_APPLICATION_PROTOCOL: return "the peer does not speak that protocol (option protocol)";
    case SSL_AD_UNRECOGNIZED_NAME: return "the peer has no such name (option tls.servername)";
    case SSL_AD_HANDSHAKE_FAILURE:
      return is_server ? "no cipher suite in common (option tls.ciphers)"
                       : "no cipher suite in common (option tls.ciphers), a certificate is due (option tls.cert), or "
                         "the server speaks no TLS";
    default: return "";
  }
}

}  // namespace

std::string reason_of(const SSL* ssl) {
  const unsigned long error = ERR_peek_error();
  std::string text = first_error();
  if (text.empty()) return "the connection was lost";
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return text;
  const int reason = ERR_GET_REASON(error);
  if (reason > SSL_AD_REASON_OFFSET) {
    const std::string hint = hint_of_alert(reason - SSL_AD_REASON_OFFSET, SSL_is_server(ssl) == 1);
    return hint.empty() ? text : text + ": " + hint;
  }
  switch (reason) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "the peer closed the connection without an end of TLS";
    case SSL_R_CERTIFICATE_VERIFY_FAILED: {
      const long result = SSL_get_verify_result(ssl);
      const bool is_name = result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
      return "the peer's certificate is not valid: " + std::string(X509_verify_cert_error_string(result)) +
             (is_name ? " (option tls.servername)" : " (options tls.ca, tls.crl)");
    }
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "the client has sent no certificate (option tls.requestCert)";
    case SSL_R_NO_SHARED_CIPHER: return "no cipher suite in common (option tls.ciphers)";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_VERSION_NUMBER: return text + ": no version in common (options tls.minVersion, tls.maxVersion)";
    case SSL_R_NO_APPLICATION_PROTOCOL: return "no protocol of the client's ALPN is spoken here (option protocols)";
    default: return text;
  }
}

std::string first_error() {
  const unsigned long error = ERR_peek_error();
  if (error == 0) return {};
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(error);
}

ErrorScope::ErrorScope() { ERR_clear_error(); }

ErrorScope::~ErrorScope() { ERR_clear_error(); }

}  // namespace rocket::tls
