#pragma once

#include <string>

#include "tls/openssl.h"

namespace rocket::tls {

/// The first of the errors that OpenSSL holds for this thread, in its own words; they never contain key material. Empty
/// if there is none.
std::string first_error();

/// Why a call for `ssl` has failed, with the option to look at where there is one.
std::string reason_of(const SSL* ssl);

/// Begins and ends without errors: OpenSSL keeps those of a thread until they are asked for, and takes them for its
/// own.
class ErrorScope {
 public:
  ErrorScope();
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

}  // namespace rocket::tls
