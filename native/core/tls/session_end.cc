#include "tls/session_end.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "tls/stream.h"

namespace rocket::tls {

namespace {

std::optional<UnixSeconds> end_of(SSL_SESSION* session) {
  void* data = nullptr;
  std::size_t size = 0;
  UnixSeconds end = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || size != sizeof end) return std::nullopt;
  std::memcpy(&end, data, sizeof end);
  return end;
}

UnixSeconds end_of_handshake(const SSL* ssl) {
  const UnixSeconds most = std::min(unix_now() + kSessionSeconds, Stream::of(ssl).context().revocations_until());
  return std::min(most, checked_until(ssl));
}

}  // namespace

int write_session_end(SSL* ssl, void*) {
  SSL_SESSION* session = SSL_get_session(ssl);
  const auto before = SSL_session_reused(ssl) == 1 ? end_of(session) : std::nullopt;
  const UnixSeconds end = before ? *before : end_of_handshake(ssl);
  // The lifetime that the client is told. OpenSSL cannot encode a session of 0 seconds.
  const UnixSeconds left = std::max<UnixSeconds>(end - unix_now(), 1);
  const bool set = SSL_SESSION_set_timeout(session, static_cast<long>(left)) == 1 &&
                   SSL_SESSION_set1_ticket_appdata(session, &end, sizeof end) == 1;
  return set ? 1 : 0;
}

SSL_TICKET_RETURN check_session_end(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                                    SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const auto end = end_of(session);
  if (!end || *end <= unix_now()) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace rocket::tls
