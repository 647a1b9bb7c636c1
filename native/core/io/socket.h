#pragma once

#include <sys/socket.h>

namespace rocket::io {

// What Linux and macOS have each in their own way. A peer that is gone must not raise SIGPIPE: on Linux said at each
// send, on macOS by the socket.
#if defined(__APPLE__)
inline constexpr int kSendFlags = MSG_DONTWAIT;
#else
inline constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#endif

/// A stream socket that does not block and is closed on exec. As socket(2).
int open_stream_socket(int family);

/// The same for a connection. As accept(2).
int accept_stream_socket(int listener, sockaddr* from, socklen_t* length);

/// Whether closing the socket, also by the end of the process, resets the connection and drops what is not yet sent.
void reset_on_close(int fd, bool reset);

}  // namespace rocket::io
