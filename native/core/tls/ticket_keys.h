#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/clock.h"
#include "tls/openssl.h"

namespace rocket::tls {

/// The keys that encrypt a server's session tickets, in the form of Node.js: 16 bytes of name, 16 of HMAC key, 16 of
/// AES key. Given keys are kept; generated ones are replaced every kLife, and the previous ones still decrypt tickets.
/// Any thread.
class TicketKeys {
 public:
  static constexpr std::size_t kBytes = 48;
  static constexpr SteadyMs kLife = 3600 * 1000;
  using Key = std::array<unsigned char, kBytes>;

  TicketKeys() = default;
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// `given`: kBytes, or empty. False: no random bytes are available.
  bool start(std::string_view given, SteadyMs now);

  enum class Found : std::uint8_t { kNone, kCurrent, kOld };
  /// The key to encrypt with. False: no random bytes are available.
  bool current(SteadyMs now, Key& key);
  /// The key of that name.
  Found find(const unsigned char* name, SteadyMs now, Key& key);

 private:
  bool rotate(SteadyMs now);

  std::mutex mutex_;
  // Guarded by mutex_:
  bool fixed_ = false;
  bool has_previous_ = false;
  SteadyMs made_at_ = 0;
  Key current_{};
  Key previous_{};
};

/// The callback of SSL_CTX_set_tlsext_ticket_key_evp_cb().
int seal_or_open_ticket(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, bool seal);

}  // namespace rocket::tls
