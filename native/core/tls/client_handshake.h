#pragma once

#include <memory>

#include "base/clock.h"
#include "io/connect.h"
#include "io/task.h"
#include "tls/stream.h"

namespace rocket::tls {

/// Secures the connection that connect() has made: `layer` of the result is the stream, to be put over the connection's
/// socket (put_over()), or the result has no socket and an error with the reason. `timeout` limits the handshake.
io::Task<io::ConnectResult> secure(io::IoThread& io, io::ConnectResult reached, std::shared_ptr<const Context> context,
                                   ServerName server, Millis timeout);

}  // namespace rocket::tls
