#include "base/thread_check.h"

#ifdef ROCKET_CHECK_THREADS

#include <cstdio>
#include <cstdlib>

namespace rocket {

void fail_thread_check(const char* file, int line, const char* function, const char* thread) {
  std::fprintf(stderr, "rocket-rpc: %s:%d: %s() must run on %s\n", file, line, function, thread);
  std::abort();
}

}  // namespace rocket

#endif
