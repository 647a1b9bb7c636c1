#include "tls/openssl.h"

namespace rocket::tls {

namespace {

struct Function {
  const char* name;
  bool there;
};

constexpr unsigned long kMajor = 3;

}  // namespace

std::string unavailable() {
#define ROCKET_IS_THERE(name) Function{#name, &::name != nullptr},
  for (const Function& function : {ROCKET_OPENSSL_FUNCTIONS(ROCKET_IS_THERE)}) {
    if (!function.there) {
      return std::string("TLS needs the functions of OpenSSL 3, which this process does not export (") + function.name +
             " is missing)";
    }
  }
#undef ROCKET_IS_THERE
  const unsigned long major = OpenSSL_version_num() >> 28;
  if (major != kMajor) return "TLS needs OpenSSL 3; this process has version " + std::to_string(major);
  return {};
}

}  // namespace rocket::tls
