#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "log/files.h"

namespace rocket::test {

/// Files in memory that can be made to fail, and a clock that can be set.
class MemoryFiles final : public log::Files {
 public:
  int open(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (open_error_ != 0) return -open_error_;
    contents_.try_emplace(path);
    open_[++last_fd_] = path;
    return last_fd_;
  }
  void close(int fd) override {
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
  }
  std::int64_t write(int fd, std::string_view text) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(write_ms.load()));
    std::unique_lock lock(mutex_);
    frozen_changed_.wait(lock, [this] { return !frozen_; });
    if (write_error_ != 0) {
      if (bytes_until_error_ == 0) return -write_error_;
      text = text.substr(0, bytes_until_error_);
      bytes_until_error_ -= text.size();
    }
    if (most_at_once_ > 0) text = text.substr(0, most_at_once_);
    const auto found = open_.find(fd);
    if (found == open_.end()) return -EBADF;
    contents_[found->second] += text;
    modified_[found->second] = now;
    ++writes_;
    return static_cast<std::int64_t>(text.size());
  }
  void wait_writable(int, int) override {}
  int sync(int fd) override {
    std::unique_lock lock(mutex_);
    frozen_changed_.wait(lock, [this] { return !frozen_syncs_; });
    ++syncs;
    if (sync_error_ != 0) return -sync_error_;
    const auto found = open_.find(fd);
    if (found == open_.end()) return -EBADF;
    synced_[found->second] = contents_[found->second];
    return 0;
  }
  int sync_all(int) override {
    const std::lock_guard lock(mutex_);
    synced_ = contents_;
    return sync_error_ == 0 ? 0 : -sync_error_;
  }
  std::int64_t size(int fd) override {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(contents_[open_[fd]].size());
  }
  bool names(const std::string& path, int fd) override {
    const std::lock_guard lock(mutex_);
    return contents_.contains(path) && open_.contains(fd) && open_[fd] == path;
  }
  std::int64_t modified_ms(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = modified_.find(path);
    return found == modified_.end() ? -1 : found->second;
  }
  std::vector<std::string> list(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, text] : contents_) {
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }
  void remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    contents_.erase(path);
  }
  void tell(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    told_ += line;
  }
  std::int64_t unix_ms() override { return now.load(); }

  // What a test does to them.
  void fail_writes(int error, std::size_t after_bytes = 0) {
    const std::lock_guard lock(mutex_);
    write_error_ = error;
    bytes_until_error_ = after_bytes;
  }
  void fail_syncs(int error) {
    const std::lock_guard lock(mutex_);
    sync_error_ = error;
  }
  void freeze_syncs(bool frozen) {
    const std::lock_guard lock(mutex_);
    frozen_syncs_ = frozen;
    frozen_changed_.notify_all();
  }
  /// What would be there after a loss of power.
  std::map<std::string, std::string> synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
  }
  void fail_opens(int error) {
    const std::lock_guard lock(mutex_);
    open_error_ = error;
  }
  void write_at_most(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    most_at_once_ = bytes;
  }
  /// write() then does not return.
  void freeze(bool frozen) {
    const std::lock_guard lock(mutex_);
    frozen_ = frozen;
    frozen_changed_.notify_all();
  }
  void put(const std::string& path, const std::string& text) {
    const std::lock_guard lock(mutex_);
    contents_[path] = text;
  }
  /// As logrotate does it.
  void move(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    contents_[to] = std::exchange(contents_[from], {});
    contents_.erase(from);
    for (auto& [fd, path] : open_) {
      if (path == from) path = to;
    }
  }
  std::map<std::string, std::string> contents() const {
    const std::lock_guard lock(mutex_);
    return contents_;
  }
  std::string all() const {
    std::string text;
    for (const auto& [path, content] : contents()) text += content;
    return text;
  }
  /// What was said to whoever runs the process.
  std::string told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  bool is_open() const {
    const std::lock_guard lock(mutex_);
    return !open_.empty();
  }
  std::size_t writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }

  /// How long a write takes.
  std::atomic<int> write_ms{0};
  std::atomic<int> syncs{0};
  /// 2026-11-22 08:01:02.045 UTC.
  std::atomic<std::int64_t> now{1'795'334'462'045};

 private:
  mutable std::mutex mutex_;
  std::condition_variable frozen_changed_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, std::string> synced_;
  std::map<std::string, std::int64_t> modified_;
  std::map<int, std::string> open_;
  int last_fd_ = 100;
  int open_error_ = 0;
  std::string told_;
  int write_error_ = 0;
  std::size_t bytes_until_error_ = 0;
  std::size_t most_at_once_ = 0;
  bool frozen_ = false;
  bool frozen_syncs_ = false;
  int sync_error_ = 0;
  std::size_t writes_ = 0;
};

}  // namespace rocket::test
