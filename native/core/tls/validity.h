#pragma once

#include <cstdint>

#include "tls/openssl.h"

namespace rocket::tls {

/// Seconds of Unix time, as certificates count.
using UnixSeconds = std::int64_t;

/// When a certificate is valid.
struct Validity {
  UnixSeconds from = 0;
  UnixSeconds until = 0;
};

UnixSeconds unix_now();
/// 0 for a time that is none.
UnixSeconds seconds_of(const ASN1_TIME* time);
/// When the first of what the handshake has checked expires, from the peer's certificate to its authority; the far
/// future if it has checked none.
UnixSeconds checked_until(const SSL* ssl);

}  // namespace rocket::tls
