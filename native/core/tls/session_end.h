#pragma once

#include "tls/validity.h"

namespace rocket::tls {

/// How long a session can be resumed, in seconds; as Node.js has it.
inline constexpr UnixSeconds kSessionSeconds = 300;

// Resuming a session looks at no certificate. So a server's tickets say when their session ends: with the first of the
// certificates and lists that its handshake has checked, after kSessionSeconds at most. Tickets that a resumed session
// gets say the same, so that no session goes on for ever. As SSL_CTX_set_session_ticket_cb() wants them:

int write_session_end(SSL* ssl, void*);
SSL_TICKET_RETURN check_session_end(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                                    SSL_TICKET_STATUS status, void*);

}  // namespace rocket::tls
