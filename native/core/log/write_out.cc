#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

#include "log/logger.h"

// What a handler of a fatal signal writes of a log: the queue, starting with the batch being written, then both halves
// of each buffer, which are newer. All by async-signal-safe calls, on the thread that crashed.

namespace rocket::log {

namespace {

/// For a handler of a fatal signal, until `give_up`. False if not everything was written.
bool write_all(int fd, std::string_view text, SteadyMs give_up) noexcept {
  if (fd < 0) return text.empty();
  struct stat about {};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  while (!text.empty()) {
    std::size_t most = text.size();
    if (!regular) {
      // A pipe may be blocking. One that has room for anything has room for PIPE_BUF bytes.
      most = std::min<std::size_t>(most, PIPE_BUF);
      const SteadyMs left = give_up - steady_now_ms();
      pollfd one{fd, POLLOUT, 0};
      if (left <= 0 || ::poll(&one, 1, static_cast<int>(std::min<SteadyMs>(left, INT_MAX))) == 0) return false;
    }
    const auto written = ::write(fd, text.data(), most);
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool Logger::write_out(Millis most) noexcept {
  const SteadyMs give_up = steady_now_ms() + most.count();
  begin_write_out();
  if (!parts_.crash_pause.wait_at_rest(give_up)) return false;
  const int fd = writer_.descriptor();
  bool all = true;
  const BatchQueue& queue = parts_.queue;
  for (Batch* batch = queue.front(); batch != nullptr; batch = batch->next.load(std::memory_order_acquire)) {
    const std::size_t from = batch->written.load(std::memory_order_acquire);
    if (batch->text != nullptr) all &= write_all(fd, {batch->text.get() + from, batch->size - from}, give_up);
  }
  parts_.buffers.for_each_visible([&](const Buffer& buffer) {
    all &= write_all(fd, buffer.remains(0), give_up);
    all &= write_all(fd, buffer.remains(1), give_up);
  });
  return all;
}

}  // namespace rocket::log
