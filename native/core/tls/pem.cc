#include "tls/pem.h"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstring>

#include "tls/failure.h"

namespace rocket::tls {

namespace {

/// A reader of bytes that outlive it; null for more than OpenSSL can count.
Owned<BIO> reader_of(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > INT_MAX) return nullptr;
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// OpenSSL's default callback asks the terminal.
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

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_mark(std::string_view text) {
  return text.substr(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
}

/// Finds a malformed line that begins a block, or seems to: OpenSSL takes it for text between the blocks, and would
/// leave the block out.
const char* fault_of(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kDashes = "-----";
  constexpr std::string_view kUnseen = " \t\r\v\f\xEF\xBB\xBF";
  constexpr const char* kCut = "it is cut short: a line that begins a block has no end";
  for (bool last = false; !last;) {
    const std::size_t end = pem.find('\n');
    last = end == std::string_view::npos;
    std::string_view line = pem.substr(0, end);
    if (last && !line.empty() && kBegin.starts_with(line)) return kCut;
    if (!last) pem.remove_prefix(end + 1);
    line = line.substr(0, line.find_last_not_of(kUnseen) + 1);
    const std::size_t begin = line.find(kBegin);
    if (begin == std::string_view::npos || line.substr(0, begin).find_first_not_of(kUnseen) < begin) continue;
    const std::string_view label = line.substr(begin + kBegin.size());
    const std::size_t dashes = label.find(kDashes);
    if (dashes == std::string_view::npos || dashes + kDashes.size() != label.size()) return kCut;
    if (begin > 0) return "it is indented: a block begins at the start of a line";
  }
  return nullptr;
}

std::string why_no_pfx() {
  const unsigned long error = ERR_peek_error();
  const std::string text = error_or("not a PKCS#12 file");
  if (ERR_GET_LIB(error) == ERR_LIB_PKCS12 && ERR_GET_REASON(error) == PKCS12_R_MAC_VERIFY_FAILURE) {
    return text + ": that is not its passphrase (option tls.passphrase)";
  }
  if (ERR_GET_REASON(error) == ERR_R_UNSUPPORTED) return text + ": OpenSSL 3 does not read its old encryption (RC2)";
  return text;
}

template <typename T, typename Read>
Parsed<T> all_of(std::string_view text, Read read, const char* none) {
  const ErrorScope errors;
  Parsed<T> parsed;
  const std::string_view pem = without_mark(text);
  const auto reader = reader_of(pem);
  if (reader == nullptr) return {{}, none};
  while (T* item = read(reader.get(), nullptr, &give_none, nullptr)) parsed.items.emplace_back(item);
  if (!at_end()) return {{}, error_or("not PEM")};
  if (parsed.items.empty()) return {{}, none};
  if (const char* fault = fault_of(pem)) return {{}, fault};
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

ParsedKey private_key_of(std::string_view text, std::string_view passphrase) {
  const ErrorScope errors;
  const std::string_view pem = without_mark(text);
  const auto reader = reader_of(pem);
  if (reader == nullptr) return {nullptr, "there is no PEM private key in it"};
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, &give_passphrase, &passphrase));
  if (key != nullptr) return {std::move(key), {}};
  if (pem.find("PRIVATE KEY-----") == std::string_view::npos) return {nullptr, "there is no PEM private key in it"};
  if (pem.find("ENCRYPTED") == std::string_view::npos) return {nullptr, error_or("not a private key")};
  if (passphrase.empty()) return {nullptr, "it is encrypted, and there is no passphrase (option tls.passphrase)"};
  return {nullptr, "the passphrase does not decrypt it: " + error_or("not a private key")};
}

ParsedKey dh_parameters_of(std::string_view pem) {
  const ErrorScope errors;
  const auto reader = reader_of(without_mark(pem));
  if (reader == nullptr || pem.find("PARAMETERS-----") == std::string_view::npos) {
    return {nullptr, "there are no PEM parameters in it"};
  }
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
  if (PKCS12_parse(file.get(), terminated.c_str(), &key, &leaf, &others) != 1) return {nullptr, {}, why_no_pfx()};
  parsed.key.reset(key);
  if (leaf != nullptr) parsed.chain.emplace_back(leaf);
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i) {
    parsed.chain.emplace_back(sk_X509_value(others, i));
  }
  sk_X509_free(others);
  // In the order in which it is sent, from the key's own certificate up. In the file they may be in any order.
  for (std::size_t i = 1; i < parsed.chain.size(); ++i) {
    const auto rest = parsed.chain.begin() + static_cast<std::ptrdiff_t>(i);
    const auto issuer = std::find_if(rest, parsed.chain.end(), [&](const Owned<X509>& candidate) {
      return X509_check_issued(candidate.get(), parsed.chain[i - 1].get()) == X509_V_OK;
    });
    if (issuer == parsed.chain.end()) break;
    std::iter_swap(rest, issuer);
  }
  if (key == nullptr || leaf == nullptr) return {nullptr, {}, "a key and its certificate are not both in it"};
  return parsed;
}

}  // namespace rocket::tls
