#pragma once

#include <cstdint>

#include "tls/openssl.h"

namespace rocket::tls {

/// Seconds of Unix time, the unit of certificates.
using UnixSeconds = std::int64_t;

/// When a certificate is valid.
struct Validity {
  UnixSeconds from = 0;
  UnixSeconds until = 0;
};

UnixSeconds unix_now();
/// 0 for an invalid time.
UnixSeconds seconds_of(const ASN1_TIME* time);
/// When the first of the certificates that the handshake has checked expires, from the peer's to its authority; the far
/// future if it has checked none.
UnixSeconds checked_until(const SSL* ssl);

}  // namespace rocket::tls
