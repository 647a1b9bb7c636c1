#pragma once

#include "tls/openssl.h"

namespace rocket::tls {

/// How OpenSSL reads and writes: through the Stream that is a BIO's data. Null without memory.
const BIO_METHOD* socket_bio_method();

}  // namespace rocket::tls
