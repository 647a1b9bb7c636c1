#include "log/line.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/this_thread.h"

namespace rocket::log {

namespace {

/// Appends to a span; remembers that something did not fit.
class Out {
 public:
  explicit Out(std::span<char> room) : at_(room.data()), begin_(room.data()), end_(room.data() + room.size()) {}

  void put(char c) {
    if (at_ < end_) {
      *at_++ = c;
    } else {
      full_ = true;
    }
  }
  void put(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size()) {
      full_ = true;
      return;
    }
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(std::int64_t number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    put(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }
  /// Of 0 to 999.
  void put_padded(int number, int digits) {
    if (digits == 3) put(static_cast<char>('0' + number / 100));
    put(static_cast<char>('0' + number / 10 % 10));
    put(static_cast<char>('0' + number % 10));
  }
  bool full() const { return full_; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  char* at_;
  char* const begin_;
  char* const end_;
  bool full_ = false;
};

constexpr std::string_view kHex = "0123456789abcdef";

/// The length of the control character that begins at `at`; 0 if there is none. Includes C1 (U+0080 to U+009F), which
/// terminals interpret.
std::size_t control_at(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) return 1;
  if (byte != 0xc2 || at + 1 >= text.size()) return 0;
  const auto next = static_cast<unsigned char>(text[at + 1]);
  return next >= 0x80 && next <= 0x9f ? 2 : 0;
}

constexpr std::uint64_t each(unsigned char byte) { return 0x0101010101010101U * byte; }

/// Not 0 if a byte of the eight is 0.
constexpr std::uint64_t has_zero(std::uint64_t eight) { return (eight - each(1)) & ~eight & each(0x80); }

/// Whether none of eight bytes needs a closer check: none is a control character, begins a C1, or is escaped in JSON.
bool eight_are_plain(const char* text, Format format) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, text, sizeof eight);
  const std::uint64_t below_space = (eight - each(0x20)) & ~eight & each(0x80);
  std::uint64_t found = below_space | has_zero(eight ^ each(0x7f)) | has_zero(eight ^ each(0xc2));
  if (format == Format::kJson) found |= has_zero(eight ^ each('"')) | has_zero(eight ^ each('\\'));
  return found == 0;
}

void put_escaped(Out& out, std::string_view text, Format format) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (i + 8 <= text.size() && eight_are_plain(text.data() + i, format)) {
      i += 8;
      continue;
    }
    const std::size_t control = control_at(text, i);
    const bool quoted = format == Format::kJson && (text[i] == '"' || text[i] == '\\');
    if (control == 0 && !quoted) {
      ++i;
      continue;
    }
    out.put(text.substr(from, i - from));
    if (quoted) {
      out.put('\\');
      out.put(text[i]);
    } else if (text[i] == '\n') {
      out.put("\\n");
    } else if (text[i] == '\t') {
      out.put("\\t");
    } else if (text[i] == '\r') {
      out.put("\\r");
    } else {
      const auto code = static_cast<unsigned char>(text[i + control - 1]);
      out.put(format == Format::kJson ? "\\u00" : "\\x");
      out.put(kHex[code >> 4]);
      out.put(kHex[code & 15]);
    }
    i += control == 2 ? 2 : 1;
    from = i;
  }
  out.put(text.substr(from));
}

/// `26-11-22 08:01:02`, for the second last requested in this thread.
std::string_view local_second(std::int64_t unix_seconds) {
  thread_local std::int64_t known = -1;
  thread_local std::array<char, 20> text;
  if (unix_seconds != known) {
    known = unix_seconds;
    const auto time = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    localtime_r(&time, &parts);
    std::strftime(text.data(), text.size(), "%y-%m-%d %H:%M:%S", &parts);
  }
  return {text.data(), 17};
}

/// `pid:tid`, of the thread that last called this.
std::string_view process_and_thread(std::int32_t tid) {
  thread_local std::int32_t known = -1;
  thread_local std::array<char, 24> text;
  thread_local std::size_t size = 0;
  if (tid != known) {
    known = tid;
    Out out(text);
    out.put(std::int64_t{process_id()});
    out.put(':');
    out.put(std::int64_t{tid});
    size = out.size();
  }
  return {text.data(), size};
}

void put_text(Out& out, const Line& line) {
  out.put('[');
  out.put(name_of(line.level));
  out.put("]\t[");
  out.put(local_second(line.unix_ms / 1000));
  out.put('.');
  out.put_padded(static_cast<int>(line.unix_ms % 1000), 3);
  out.put("]\t[");
  out.put(process_and_thread(line.tid));
  out.put("]\t[");
  put_escaped(out, line.msg_id.empty() ? "-" : line.msg_id, Format::kText);
  out.put("]\t[");
  put_escaped(out, line.method.empty() ? "-" : line.method, Format::kText);
  out.put("]\t[");
  if (line.file.empty()) {
    out.put('-');
  } else {
    out.put(line.file);
    out.put(':');
    out.put(std::int64_t{line.line});
  }
  out.put("]\t");
  put_escaped(out, line.message, Format::kText);
  out.put('\n');
}

void put_member(Out& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.put(name);
  put_escaped(out, value, Format::kJson);
  out.put('"');
}

void put_json(Out& out, const Line& line) {
  out.put(R"({"level":)");
  out.put(std::int64_t{static_cast<std::int32_t>(line.level)});
  out.put(R"(,"time":)");
  out.put(line.unix_ms);
  out.put(R"(,"pid":)");
  out.put(std::int64_t{process_id()});
  out.put(R"(,"tid":)");
  out.put(std::int64_t{line.tid});
  put_member(out, R"(,"msgId":")", line.msg_id);
  put_member(out, R"(,"method":")", line.method);
  out.put(R"(,"msg":")");
  put_escaped(out, line.message, Format::kJson);
  out.put("\"}\n");
}

}  // namespace

std::size_t write_line(std::span<char> room, Format format, const Line& line) {
  Out out(room);
  if (format == Format::kText) {
    put_text(out, line);
  } else {
    put_json(out, line);
  }
  return out.full() ? 0 : out.size();
}

std::int32_t process_id() {
  static const std::int32_t id = ::getpid();
  return id;
}

std::int32_t thread_id() {
  thread_local const auto id = system_thread_id();
  return id;
}

}  // namespace rocket::log
