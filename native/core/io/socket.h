#pragma once

#include <sys/socket.h>

namespace rocket::io {

// Differences between Linux and macOS. Writing to a closed connection must not raise SIGPIPE: on Linux this is set at
// each send, on macOS on the socket.
#if defined(__APPLE__)
inline constexpr int kSendFlags = MSG_DONTWAIT;
#else
inline constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#endif

/// A non-blocking stream socket that is closed on exec. Like socket(2).
int open_stream_socket(int family);

/// The same for a connection. Like accept(2).
int accept_stream_socket(int listener, sockaddr* from, socklen_t* length);

/// Whether closing the socket, also by the end of the process, resets the connection and drops unsent data.
void reset_on_close(int fd, bool reset);

}  // namespace rocket::io
