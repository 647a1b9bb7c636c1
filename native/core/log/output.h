#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "log/files.h"

namespace rocket::log {

struct OutputOptions {
  /// Empty: `fd` is written to, and nothing rolls.
  std::string folder;
  std::string name = "rocket";
  int fd = 1;
  /// Size at which the next file is started. 0: no limit.
  std::uint64_t max_file_bytes = 0;
  /// The oldest files beyond this number are deleted, compressed ones included. 0: none is deleted.
  std::size_t max_files = 0;
};

/// The destination of lines: `<folder>/<name>_<yyyymmdd>_log.<n>`, a new file each day (local time) and when one is
/// full; or a descriptor. Belongs to the writer.
class Output {
 public:
  Output(OutputOptions options, std::shared_ptr<Files> files);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Opens the file for the next write in advance, so that it is open in a crash; a negated errno if that fails.
  int open();
  /// Writes from the front of `text`, which is whole lines: so many bytes, at least one, or a negated errno. Opens,
  /// rolls and opens again as needed. -EAGAIN: try again after wait().
  std::int64_t write(std::string_view text);
  void wait(int ms);
  /// Syncs everything written to the disk, including files left since; or returns a negated errno.
  int sync();
  /// The next write opens the file by its name again (after logrotate has moved it).
  void reopen() { reopen_.store(true, std::memory_order_relaxed); }

  /// Closes the file, not a stream. Nothing may be written after it.
  void close() { shut(); }

  /// The path of a file that is no longer written to.
  std::function<void(const std::string&)> on_rolled;
  /// The same for a file left by another process.
  std::function<void(const std::string&)> on_left;

  /// For a handler of a fatal signal: -1 if none is open.
  int descriptor() const { return fd_.load(std::memory_order_acquire); }
  /// Of the file opened last.
  const std::string& path() const { return path_; }

 private:
  bool is_file() const { return !options_.folder.empty(); }
  int open_at(const std::string& day, std::uint64_t number);
  int open_for(const std::string& day);
  int prepare();
  int follow_name(std::int64_t now);
  int roll();
  void shut();
  /// Called before switching from the open file to another.
  void sync_before_leaving();
  void delete_old() const;
  void tell_of_left() const;

  const OutputOptions options_;
  const std::shared_ptr<Files> files_;
  std::atomic<int> fd_{-1};
  std::atomic<bool> reopen_{false};
  std::string path_;
  std::string day_;
  std::uint64_t number_ = 0;
  std::uint64_t size_ = 0;
  std::int64_t looked_at_ = 0;
  /// A line was written in part; its rest goes to the same file. If that file was removed because nothing more could be
  /// written, the rest is written at the start of the new one.
  bool mid_line_ = false;
  /// The last write failed.
  bool failed_ = false;
  /// Written to since it was last synced.
  bool dirty_ = false;
  /// Syncs have been requested: from now on files are synced before they are left.
  bool syncs_ = false;
  /// A file was left before the first request for a sync, and may not be on the disk yet.
  bool left_dirty_ = false;
  /// Error of a file that could not be synced before it was left.
  int left_error_ = 0;
};

/// A file of the log by its name; for ordering.
struct RolledName {
  std::string day;
  std::uint64_t number = 0;
  auto operator<=>(const RolledName&) const = default;
};
/// False if `file` does not belong to `name`. Compressed ones (`.gz`) are.
bool parse_rolled_name(std::string_view file, std::string_view name, RolledName& parsed);

}  // namespace rocket::log
