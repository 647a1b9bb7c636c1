#include "log/output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <tuple>
#include <utility>

namespace rocket::log {

namespace {

/// How often to check whether the path still names the open file.
constexpr std::int64_t kLookEveryMs = 200;
/// A file not written to for this long no longer belongs to a running process.
constexpr std::int64_t kLeftAfterMs = 60'000;

std::string local_day(std::int64_t unix_ms) {
  const auto time = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  localtime_r(&time, &parts);
  std::array<char, 9> text;
  std::strftime(text.data(), text.size(), "%Y%m%d", &parts);
  return text.data();
}

}  // namespace

bool parse_rolled_name(std::string_view file, std::string_view name, RolledName& parsed) {
  constexpr std::string_view kMiddle = "_log.";
  constexpr std::size_t kDayDigits = 8;
  if (!file.starts_with(name)) return false;
  file.remove_prefix(name.size());
  if (file.size() < 1 + kDayDigits + kMiddle.size() + 1 || file[0] != '_') return false;
  const auto day = file.substr(1, kDayDigits);
  if (!std::all_of(day.begin(), day.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  file.remove_prefix(1 + kDayDigits);
  if (!file.starts_with(kMiddle)) return false;
  file.remove_prefix(kMiddle.size());
  if (file.ends_with(".gz")) file.remove_suffix(3);
  const auto [end, error] = std::from_chars(file.data(), file.data() + file.size(), parsed.number);
  if (error != std::errc() || end != file.data() + file.size()) return false;
  parsed.day = day;
  return true;
}

Output::Output(OutputOptions options, std::shared_ptr<Files> files)
    : options_(std::move(options)), files_(std::move(files)) {
  if (!is_file()) fd_.store(options_.fd, std::memory_order_release);
}

Output::~Output() { shut(); }

int Output::open() {
  if (const int error = prepare(); error < 0) return error;
  if (!is_file()) return 0;
  delete_old();
  tell_of_left();
  return 0;
}

/// Earlier uncompressed files not written to for a while; a more recent one may still be in use by another process.
void Output::tell_of_left() const {
  if (!on_left) return;
  for (const auto& file : files_->list(options_.folder)) {
    RolledName parsed;
    const std::string path = options_.folder + "/" + file;
    if (!parse_rolled_name(file, options_.name, parsed) || file.ends_with(".gz") || path == path_) continue;
    const std::int64_t modified = files_->modified_ms(path);
    if (modified >= 0 && files_->unix_ms() - modified >= kLeftAfterMs) on_left(path);
  }
}

void Output::shut() {
  if (!is_file()) return;
  const int fd = fd_.exchange(-1, std::memory_order_acq_rel);
  if (fd >= 0) files_->close(fd);
}

int Output::open_at(const std::string& day, std::uint64_t number) {
  const std::string path = options_.folder + "/" + options_.name + "_" + day + "_log." + std::to_string(number);
  const int fd = files_->open(path);
  if (fd < 0) return fd;
  sync_before_leaving();
  shut();
  path_ = path;
  day_ = day;
  number_ = number;
  size_ = static_cast<std::uint64_t>(std::max<std::int64_t>(files_->size(fd), 0));
  fd_.store(fd, std::memory_order_release);
  return 0;
}

/// Continues the last file of that day, if it has room.
int Output::open_for(const std::string& day) {
  std::uint64_t number = 0;
  for (const auto& file : files_->list(options_.folder)) {
    RolledName parsed;
    if (!parse_rolled_name(file, options_.name, parsed) || parsed.day != day) continue;
    number = std::max(number, parsed.number + (file.ends_with(".gz") ? 1 : 0));
  }
  if (const int error = open_at(day, number); error < 0) return error;
  if (options_.max_file_bytes > 0 && size_ >= options_.max_file_bytes) return open_at(day, number + 1);
  return 0;
}

int Output::roll() {
  const std::string full = path_;
  if (const int error = open_at(day_, number_ + 1); error < 0) return error;
  if (on_rolled) on_rolled(full);
  delete_old();
  return 0;
}

int Output::prepare() {
  if (!is_file()) return 0;
  const std::int64_t now = files_->unix_ms();
  if (mid_line_) return failed_ ? follow_name(now) : 0;
  const std::string day = local_day(now);
  if (fd_.load(std::memory_order_relaxed) < 0) return open_for(day);
  if (day != day_) {
    const std::string last = path_;
    if (const int error = open_for(day); error < 0) return error;
    if (on_rolled && last != path_) on_rolled(last);
    delete_old();
    return 0;
  }
  return follow_name(now);
}

/// Opens the file by its name again if requested, or if the name refers to another file or to none.
int Output::follow_name(std::int64_t now) {
  const bool asked = reopen_.exchange(false, std::memory_order_relaxed);
  // A clock that was set back must not delay the next check.
  const bool due = now - looked_at_ >= kLookEveryMs || now < looked_at_;
  if (due) looked_at_ = now;
  if (!asked && (!due || files_->names(path_, descriptor()))) return 0;
  const int error = open_at(day_, number_);
  // Nothing is written until it can be opened: the open file now belongs to another program.
  if (error < 0) reopen_.store(true, std::memory_order_relaxed);
  return error;
}

std::int64_t Output::write(std::string_view text) {
  if (const int error = prepare(); error < 0) return error;
  if (options_.max_file_bytes > 0 && is_file() && !mid_line_) {
    const std::uint64_t left = options_.max_file_bytes > size_ ? options_.max_file_bytes - size_ : 0;
    if (text.size() > left) {
      const auto end = left == 0 ? std::string_view::npos : text.rfind('\n', left - 1);
      if (end != std::string_view::npos) {
        text = text.substr(0, end + 1);
      } else {
        if (size_ > 0) {
          if (const int error = roll(); error < 0) return error;
        }
        text = text.substr(0, text.find('\n') + 1);
      }
    }
  } else if (mid_line_) {
    text = text.substr(0, text.find('\n') + 1);
  }
  const auto written = files_->write(descriptor(), text);
  if (written > 0) {
    size_ += static_cast<std::uint64_t>(written);
    dirty_ = true;
    mid_line_ = text[static_cast<std::size_t>(written) - 1] != '\n';
  }
  if (written != -EAGAIN && written != -EINTR) failed_ = written <= 0;
  return written;
}

void Output::wait(int ms) { files_->wait_writable(descriptor(), ms); }

int Output::sync() {
  syncs_ = true;
  const int left_error = std::exchange(left_error_, 0);
  if (descriptor() < 0) return left_error;
  const int error = left_dirty_ ? files_->sync_all(descriptor()) : files_->sync(descriptor());
  if (error < 0) return error;
  left_dirty_ = dirty_ = false;
  return left_error;
}

void Output::sync_before_leaving() {
  if (!dirty_ || descriptor() < 0) return;
  dirty_ = false;
  if (!syncs_) {
    left_dirty_ = true;
  } else if (const int error = files_->sync(descriptor()); error < 0) {
    left_error_ = error;
  }
}

void Output::delete_old() const {
  if (options_.max_files == 0) return;
  std::vector<std::pair<RolledName, std::string>> found;
  for (const auto& file : files_->list(options_.folder)) {
    RolledName parsed;
    if (parse_rolled_name(file, options_.name, parsed)) found.emplace_back(parsed, file);
  }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i + options_.max_files < found.size(); ++i) {
    files_->remove(options_.folder + "/" + found[i].second);
  }
}

}  // namespace rocket::log
