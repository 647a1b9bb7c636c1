#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tls/openssl.h"

namespace rocket::tls {

/// A secret text, overwritten when it is destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;  // no move: a short string would leave its text behind
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  std::string_view view() const { return text_; }
  const char* c_str() const { return text_.c_str(); }

 private:
  void wipe();
  std::string text_;
};

/// All items of a PEM text, or the error. A text without any is an error, and so is one whose rest cannot be parsed:
/// half of a list of certificates must not pass for the whole.
template <typename T>
struct Parsed {
  std::vector<Owned<T>> items;
  std::string error;
};
Parsed<X509> certificates_of(std::string_view pem);
Parsed<X509_CRL> revocations_of(std::string_view pem);

/// One private key, encrypted or not. Never asks the terminal for a passphrase.
struct ParsedKey {
  Owned<EVP_PKEY> key;
  std::string error;
};
ParsedKey private_key_of(std::string_view text, std::string_view passphrase);
/// The parameters of Diffie-Hellman.
ParsedKey dh_parameters_of(std::string_view pem);

/// A PKCS#12 file: a key, its certificate, and the chain.
struct ParsedPfx {
  Owned<EVP_PKEY> key;
  std::vector<Owned<X509>> chain;  ///< the key's own first
  std::string error;
};
ParsedPfx pfx_of(std::string_view bytes, std::string_view passphrase);

}  // namespace rocket::tls
