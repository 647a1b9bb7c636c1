#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rocket::log {

/// The operating system calls of the log, so that tests can make them fail. Every int result is that of the system
/// call, or a negated errno. Any thread.
class Files {
 public:
  virtual ~Files() = default;
  /// Opens for appending; creates the file and its parent folders.
  virtual int open(const std::string& path) = 0;
  virtual void close(int fd) = 0;
  /// May write less than requested. -EAGAIN if a reader has to make room first.
  virtual std::int64_t write(int fd, std::string_view text) = 0;
  /// Waits until a write can continue, at most `ms`.
  virtual void wait_writable(int fd, int ms) = 0;
  virtual int sync(int fd) = 0;
  /// Syncs all files of the file system of the open file.
  virtual int sync_all(int fd) = 0;
  virtual std::int64_t size(int fd) = 0;
  /// Whether `path` still names the open file.
  virtual bool names(const std::string& path, int fd) = 0;
  /// When the file was last written to, or -1 if it does not exist.
  virtual std::int64_t modified_ms(const std::string& path) = 0;
  virtual std::vector<std::string> list(const std::string& folder) = 0;
  virtual void remove(const std::string& path) = 0;
  /// A message for operators; dropped if writing it would block.
  virtual void tell(std::string_view line) = 0;
  /// Milliseconds of the calendar clock, which may jump.
  virtual std::int64_t unix_ms() = 0;
};

/// The real ones.
class SystemFiles : public Files {
 public:
  int open(const std::string& path) override;
  void close(int fd) override;
  std::int64_t write(int fd, std::string_view text) override;
  void wait_writable(int fd, int ms) override;
  int sync(int fd) override;
  int sync_all(int fd) override;
  std::int64_t size(int fd) override;
  bool names(const std::string& path, int fd) override;
  std::int64_t modified_ms(const std::string& path) override;
  std::vector<std::string> list(const std::string& folder) override;
  void remove(const std::string& path) override;
  /// On stderr.
  void tell(std::string_view line) override;
  std::int64_t unix_ms() override;
};

}  // namespace rocket::log
