#include "tls/failure.h"

#include "tls/openssl.h"

namespace rocket::tls {

std::string first_error() {
  const unsigned long error = ERR_peek_error();
  if (error == 0) return {};
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "error " + std::to_string(error);
}

ErrorScope::ErrorScope() { ERR_clear_error(); }

ErrorScope::~ErrorScope() { ERR_clear_error(); }

}  // namespace rocket::tls
