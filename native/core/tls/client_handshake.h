#pragma once

#include <memory>

#include "base/clock.h"
#include "io/connect.h"
#include "io/task.h"
#include "tls/stream.h"

namespace rocket::tls {

/// Secures what connect() has reached: its `layer` is then the stream, to be put over the connection's socket
/// (put_over()), or it has no socket and an error that says why. `timeout` limits the handshake.
io::Task<io::ConnectResult> secure(io::IoThread& io, io::ConnectResult reached, std::shared_ptr<const Context> context,
                                   ServerName server, Millis timeout);

}  // namespace rocket::tls
