#include "tls/peer_certificate.h"

#include <atomic>

namespace rocket::tls {

void PeerCertificate::take(const SSL* ssl) {
  certificate_.reset(SSL_get1_peer_certificate(ssl));
  if (certificate_ == nullptr) return;
  static std::atomic<std::uint64_t> last{0};
  identity_ = {last.fetch_add(1, std::memory_order_relaxed) + 1, name_of_verify_result(SSL_get_verify_result(ssl))};
}

std::string PeerCertificate::der() const {
  if (certificate_ == nullptr) return {};
  const int size = i2d_X509(certificate_.get(), nullptr);
  if (size <= 0) return {};
  std::string bytes(static_cast<std::size_t>(size), '\0');
  auto* to = reinterpret_cast<unsigned char*>(bytes.data());
  if (i2d_X509(certificate_.get(), &to) != size) return {};
  return bytes;
}

std::string_view name_of_verify_result(long result) {
  switch (result) {
#define ROCKET_NAME(name) \
  case X509_V_ERR_##name: return #name;
    ROCKET_NAME(UNABLE_TO_GET_ISSUER_CERT)
    ROCKET_NAME(UNABLE_TO_GET_CRL)
    ROCKET_NAME(UNABLE_TO_DECRYPT_CERT_SIGNATURE)
    ROCKET_NAME(UNABLE_TO_DECRYPT_CRL_SIGNATURE)
    ROCKET_NAME(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY)
    ROCKET_NAME(CERT_SIGNATURE_FAILURE)
    ROCKET_NAME(CRL_SIGNATURE_FAILURE)
    ROCKET_NAME(CERT_NOT_YET_VALID)
    ROCKET_NAME(CERT_HAS_EXPIRED)
    ROCKET_NAME(CRL_NOT_YET_VALID)
    ROCKET_NAME(CRL_HAS_EXPIRED)
    ROCKET_NAME(ERROR_IN_CERT_NOT_BEFORE_FIELD)
    ROCKET_NAME(ERROR_IN_CERT_NOT_AFTER_FIELD)
    ROCKET_NAME(ERROR_IN_CRL_LAST_UPDATE_FIELD)
    ROCKET_NAME(ERROR_IN_CRL_NEXT_UPDATE_FIELD)
    ROCKET_NAME(OUT_OF_MEM)
    ROCKET_NAME(DEPTH_ZERO_SELF_SIGNED_CERT)
    ROCKET_NAME(SELF_SIGNED_CERT_IN_CHAIN)
    ROCKET_NAME(UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
    ROCKET_NAME(UNABLE_TO_VERIFY_LEAF_SIGNATURE)
    ROCKET_NAME(CERT_CHAIN_TOO_LONG)
    ROCKET_NAME(CERT_REVOKED)
    ROCKET_NAME(INVALID_CA)
    ROCKET_NAME(PATH_LENGTH_EXCEEDED)
    ROCKET_NAME(INVALID_PURPOSE)
    ROCKET_NAME(CERT_UNTRUSTED)
    ROCKET_NAME(CERT_REJECTED)
#undef ROCKET_NAME
    case X509_V_OK: return {};
    default: return "UNSPECIFIED";
  }
}

}  // namespace rocket::tls
