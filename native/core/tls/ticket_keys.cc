#include "tls/ticket_keys.h"

#include <cstring>

namespace rocket::tls {

namespace {

constexpr std::size_t kPart = 16;

bool fill(TicketKeys::Key& key) { return RAND_bytes(key.data(), static_cast<int>(key.size())) == 1; }

}  // namespace

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(current_.data(), current_.size());
  OPENSSL_cleanse(previous_.data(), previous_.size());
}

bool TicketKeys::start(std::string_view given, SteadyMs now) {
  const std::lock_guard lock(mutex_);
  fixed_ = !given.empty();
  made_at_ = now;
  if (!fixed_) return fill(current_);
  std::memcpy(current_.data(), given.data(), kBytes);
  return true;
}

/// With mutex_ held. False: no random bytes are available and the current key is too old.
bool TicketKeys::rotate(SteadyMs now) {
  if (fixed_ || now - made_at_ < kLife) return true;
  // The previous key is dropped when the last tickets that it encrypted have expired.
  has_previous_ = now - made_at_ < 2 * kLife;
  previous_ = current_;
  made_at_ = now;
  return fill(current_);
}

bool TicketKeys::current(SteadyMs now, Key& key) {
  const std::lock_guard lock(mutex_);
  if (!rotate(now)) return false;
  key = current_;
  return true;
}

TicketKeys::Found TicketKeys::find(const unsigned char* name, SteadyMs now, Key& key) {
  const std::lock_guard lock(mutex_);
  if (!rotate(now)) return Found::kNone;
  if (std::memcmp(name, current_.data(), kPart) == 0) {
    key = current_;
    return Found::kCurrent;
  }
  if (!has_previous_ || std::memcmp(name, previous_.data(), kPart) != 0) return Found::kNone;
  key = previous_;
  return Found::kOld;
}

int seal_or_open_ticket(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, bool seal) {
  constexpr int kFailed = -1;
  constexpr int kUnknown = 0;
  constexpr int kUsed = 1;
  constexpr int kUsedAndToBeRenewed = 2;
  TicketKeys::Key key{};
  int result = kUsed;
  if (seal) {
    if (!keys.current(steady_now_ms(), key) || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return kFailed;
    std::memcpy(name, key.data(), kPart);
  } else {
    const auto found = keys.find(name, steady_now_ms(), key);
    if (found == TicketKeys::Found::kNone) return kUnknown;
    if (found == TicketKeys::Found::kOld) result = kUsedAndToBeRenewed;
  }
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data() + kPart, kPart),
                             OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                             OSSL_PARAM_construct_end()};
  const unsigned char* aes = key.data() + 2 * kPart;
  const bool ready = EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
                     (seal ? EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), nullptr, aes, iv)
                           : EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), nullptr, aes, iv)) == 1;
  OPENSSL_cleanse(key.data(), key.size());
  return ready ? result : kFailed;
}

}  // namespace rocket::tls
