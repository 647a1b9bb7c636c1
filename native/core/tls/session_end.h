#pragma once

#include "tls/validity.h"

namespace rocket::tls {

/// How long a session can be resumed, in seconds, as in Node.js.
inline constexpr UnixSeconds kSessionSeconds = 300;

// Resuming a session checks no certificate. So a server's tickets contain the time at which their session ends: when
// the first of the certificates and lists expires that its handshake has checked, and after kSessionSeconds at the
// latest. Tickets issued to a resumed session contain the same time, so that no session can be continued for ever. The
// signatures are those of SSL_CTX_set_session_ticket_cb():

int write_session_end(SSL* ssl, void*);
SSL_TICKET_RETURN check_session_end(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                                    SSL_TICKET_STATUS status, void*);

}  // namespace rocket::tls
