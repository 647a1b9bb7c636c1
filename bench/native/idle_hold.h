#pragma once

#include <netinet/in.h>

#include "options.h"

namespace rocket::bench {

// Opens options.idle_connections and says nothing on them until stdin gives a line or ends. Prints "connected N",
// at the end "dropped N" if the server closed some meanwhile, and "closed". Returns the exit code.
int hold_idle(const Options& options, const sockaddr_in& server);

}  // namespace rocket::bench
