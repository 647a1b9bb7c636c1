#pragma once

#ifdef ROCKET_CHECK_THREADS
#include <atomic>
#include <thread>
#endif

namespace rocket {

// Builds with ROCKET_CHECK_THREADS check the words `io thread:` and `js thread:` of the headers: what belongs to one
// thread says so at its start, and ends the process when another runs it. Other builds have none of it.
#ifdef ROCKET_CHECK_THREADS

[[noreturn]] void fail_thread_check(const char* file, int line, const char* function, const char* thread);

/// The JavaScript thread that an object belongs to: the one that is the first to check.
class JsThread {
 public:
  bool is_this() const {
    std::thread::id owner;
    const auto self = std::this_thread::get_id();
    return owner_.compare_exchange_strong(owner, self) || owner == self;
  }

 private:
  mutable std::atomic<std::thread::id> owner_{};
};

#define ROCKET_CHECK_THREAD(is_right, thread) \
  ((is_right) ? void() : ::rocket::fail_thread_check(__FILE__, __LINE__, __func__, thread))
#define ROCKET_ON_IO_THREAD(io) ROCKET_CHECK_THREAD((io).may_touch(), "its io thread")
#define ROCKET_ON_JS_THREAD(js_thread) ROCKET_CHECK_THREAD((js_thread).is_this(), "its JavaScript thread")
#define ROCKET_OFF_IO_THREAD(io) ROCKET_CHECK_THREAD(!(io).on_this_thread(), "any but this io thread")

#else

class JsThread {};

#define ROCKET_ON_IO_THREAD(io) static_cast<void>(0)
#define ROCKET_ON_JS_THREAD(js_thread) static_cast<void>(js_thread)
#define ROCKET_OFF_IO_THREAD(io) static_cast<void>(0)

#endif

}  // namespace rocket
