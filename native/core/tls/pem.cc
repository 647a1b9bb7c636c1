#include "tls/pem.h"

#include <climits>
#include <cstring>

#include "tls/failure.h"

namespace rocket::tls {

namespace {

/// A reader of bytes that outlive it; null for more than OpenSSL can count.
Owned<BIO> reader_of(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > INT_MAX) return nullptr;
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// OpenSSL's own asks the terminal.
int give_passphrase(char* into, int size, int, void* passphrase) {
  const auto& text = *static_cast<const std::string_view*>(passphrase);
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(into, text.data(), text.size());
  return static_cast<int>(text.size());
}

int give_none(char*, int, int, void*) { return -1; }

std::string error_or(const char* otherwise) {
  const std::string error = first_error();
  return error.empty() ? otherwise : error;
}

/// The error with which a PEM reader ends where no further block begins.
bool at_end() {
  const unsigned long error = ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/// True: a line that begins a block has no end. OpenSSL takes it for a remark between the blocks.
bool is_cut(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  while (!pem.empty()) {
    const std::size_t end = pem.find('\n');
    std::string_view line = pem.substr(0, end);
    if (end == std::string_view::npos && kBegin.starts_with(line)) return true;
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
    if (line.starts_with(kBegin) && !line.substr(kBegin.size()).ends_with(kDashes)) return true;
    if (end == std::string_view::npos) break;
    pem.remove_prefix(end + 1);
  }
  return false;
}

template <typename T, typename Read>
Parsed<T> all_of(std::string_view pem, Read read, const char* none) {
  const ErrorScope errors;
  Parsed<T> parsed;
  const auto reader = reader_of(pem);
  if (reader == nullptr) return {{}, none};
  while (T* item = read(reader.get(), nullptr, &give_none, nullptr)) parsed.items.emplace_back(item);
  if (!at_end()) return {{}, error_or("not PEM")};
  if (parsed.items.empty()) return {{}, none};
  if (is_cut(pem)) return {{}, "it is cut short: a line that begins a block has no end"};
  return parsed;
}

}  // namespace

void Secret::wipe() {
  if (!text_.empty()) OPENSSL_cleanse(text_.data(), text_.size());
}

Parsed<X509> certificates_of(std::string_view pem) {
  return all_of<X509>(pem, &PEM_read_bio_X509, "there is no PEM certificate in it");
}

Parsed<X509_CRL> revocations_of(std::string_view pem) {
  return all_of<X509_CRL>(pem, &PEM_read_bio_X509_CRL, "there is no PEM list of revoked certificates in it");
}

ParsedKey private_key_of(std::string_view pem, std::string_view passphrase) {
  const ErrorScope errors;
  const auto reader = reader_of(pem);
  if (reader == nullptr) return {nullptr, "there is no PEM private key in it"};
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, &give_passphrase, &passphrase));
  if (key != nullptr) return {std::move(key), {}};
  if (at_end()) return {nullptr, "there is no PEM private key in it"};
  return {nullptr, error_or("not a private key")};
}

ParsedKey dh_parameters_of(std::string_view pem) {
  const ErrorScope errors;
  const auto reader = reader_of(pem);
  if (reader == nullptr) return {nullptr, "there are no PEM parameters in it"};
  Owned<EVP_PKEY> key(PEM_read_bio_Parameters(reader.get(), nullptr));
  if (key != nullptr) return {std::move(key), {}};
  return {nullptr, error_or("not parameters")};
}

ParsedPfx pfx_of(std::string_view bytes, std::string_view passphrase) {
  const ErrorScope errors;
  ParsedPfx parsed;
  const auto reader = reader_of(bytes);
  const Owned<PKCS12> file(reader == nullptr ? nullptr : d2i_PKCS12_bio(reader.get(), nullptr));
  if (file == nullptr) return {nullptr, {}, error_or("not a PKCS#12 file")};
  EVP_PKEY* key = nullptr;
  X509* leaf = nullptr;
  STACK_OF(X509)* others = nullptr;
  const Secret terminated{std::string(passphrase)};
  if (PKCS12_parse(file.get(), terminated.c_str(), &key, &leaf, &others) != 1) {
    return {nullptr, {}, error_or("not a PKCS#12 file")};
  }
  parsed.key.reset(key);
  if (leaf != nullptr) parsed.chain.emplace_back(leaf);
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i) {
    parsed.chain.emplace_back(sk_X509_value(others, i));
  }
  sk_X509_free(others);
  if (key == nullptr || leaf == nullptr) return {nullptr, {}, "a key and its certificate are not both in it"};
  return parsed;
}

}  // namespace rocket::tls
