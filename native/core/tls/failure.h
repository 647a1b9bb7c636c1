#pragma once

#include <string>

#include "tls/openssl.h"

namespace rocket::tls {

/// The first error in OpenSSL's queue of this thread, in its own words, which never contain key material. Empty if
/// there is none.
std::string first_error();

/// Why a call for `ssl` has failed, with the option to check if there is one.
std::string reason_of(const SSL* ssl);

/// Clears OpenSSL's error queue at its beginning and its end: OpenSSL keeps errors of a thread until they are read, and
/// would take them for errors of the next call.
class ErrorScope {
 public:
  ErrorScope();
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

}  // namespace rocket::tls
