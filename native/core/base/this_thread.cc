#include "base/this_thread.h"

#include <pthread.h>

#if !defined(__APPLE__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace rocket {

#if defined(__APPLE__)

void name_this_thread(const char* name) { pthread_setname_np(name); }

std::int32_t system_thread_id() noexcept {
  std::uint64_t id = 0;
  pthread_threadid_np(nullptr, &id);
  return static_cast<std::int32_t>(id);
}

#else

void name_this_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

std::int32_t system_thread_id() noexcept { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

#endif

}  // namespace rocket
