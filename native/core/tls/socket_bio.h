#pragma once

#include "tls/openssl.h"

namespace rocket::tls {

/// A BIO whose data is the Stream through which OpenSSL reads and writes. Null if there is no memory.
const BIO_METHOD* socket_bio_method();

}  // namespace rocket::tls
