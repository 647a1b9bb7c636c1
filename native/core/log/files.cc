#include "log/files.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

namespace rocket::log {

int SystemFiles::open(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  // Non-blocking: a FIFO that nobody reads must not block the writer. For regular files it makes no difference.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  return fd < 0 ? -errno : fd;
}

void SystemFiles::close(int fd) { ::close(fd); }

std::int64_t SystemFiles::write(int fd, std::string_view text) {
  struct stat about {};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  if (!regular) {
    // A pipe may be shared and blocking (stdout). One that has room for anything has room for PIPE_BUF bytes.
    pollfd one{fd, POLLOUT, 0};
    if (::poll(&one, 1, 0) == 0) return -EAGAIN;
    const auto written = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    return written < 0 ? -errno : written;
  }
  const auto written = ::write(fd, text.data(), text.size());
  return written < 0 ? -errno : written;
}

void SystemFiles::wait_writable(int fd, int ms) {
  pollfd one{fd, POLLOUT, 0};
  ::poll(&one, 1, ms);
}

int SystemFiles::sync(int fd) {
#if defined(__APPLE__)
  // On macOS fsync() leaves data in the disk's own cache.
  if (::fcntl(fd, F_FULLFSYNC) == 0) return 0;
  const bool has_none = errno == ENOTSUP || errno == ENOTTY || errno == EINVAL || errno == EBADF;
  if (has_none && ::fsync(fd) == 0) return 0;
#else
  if (::fdatasync(fd) == 0) return 0;
#endif
  return errno == EINVAL || errno == EROFS || errno == ENOTSUP ? 0 : -errno;  // a pipe has nothing to sync
}

int SystemFiles::sync_all(int fd) {
#if defined(__APPLE__)
  const int failed = ::fsync_volume_np(fd, SYNC_VOLUME_FULLSYNC | SYNC_VOLUME_WAIT);
#else
  const int failed = ::syncfs(fd);
#endif
  return failed == 0 ? 0 : -errno;
}

std::int64_t SystemFiles::size(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? about.st_size : 0;
}

bool SystemFiles::names(const std::string& path, int fd) {
  struct stat named {};
  struct stat open {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &open) == 0 && named.st_ino == open.st_ino &&
         named.st_dev == open.st_dev;
}

std::int64_t SystemFiles::modified_ms(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return -1;
#if defined(__APPLE__)
  const timespec& modified = about.st_mtimespec;
#else
  const timespec& modified = about.st_mtim;
#endif
  return std::int64_t{modified.tv_sec} * 1000 + modified.tv_nsec / 1'000'000;
}

std::vector<std::string> SystemFiles::list(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

void SystemFiles::remove(const std::string& path) { ::unlink(path.c_str()); }

void SystemFiles::tell(std::string_view line) {
  // It may be a pipe that nobody reads, and blocking.
  pollfd one{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&one, 1, 0) != 1) return;
  [[maybe_unused]] const auto written =
      ::write(STDERR_FILENO, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
}

std::int64_t SystemFiles::unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace rocket::log
