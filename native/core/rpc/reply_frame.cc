#include "rpc/reply_frame.h"

#include <algorithm>
#include <vector>

#include "wire/crc32c.h"
#include "wire/partial_scan.h"
#include "wire/wire_code.h"

namespace rocket::rpc {

namespace {

constexpr std::size_t kMostPadding = 4;
/// A text this long puts a 1 into the third byte of its length.
constexpr std::size_t kLongText = 256;

bool misread(const wire::FrameHead& head, ByteSpan body, bool checksum) {
  thread_local std::vector<std::uint8_t> prefix;
  prefix.resize(wire::frame_bytes(head, 0) - wire::kSuffixBytes);
  wire::write_prefix(prefix.data(), head, body.size());
  const auto sum = checksum ? wire::crc32c(body, wire::crc32c(prefix)) : wire::kNoChecksum;
  return wire::misread_while_partial(prefix, body, sum, wire::Cut::kAsSent);
}

}  // namespace

void make_readable(wire::FrameHead& head, ByteSpan body, bool& checksum, std::string& scratch) {
  if (!wire::holds_start_byte(head, body) || !misread(head, body, checksum)) return;
  // When 1 is what does not fit behind the body.
  checksum = true;
  const std::string text(head.err_info);
  for (std::size_t change = 0; change <= kMostPadding; ++change) {
    const bool room = text.size() + change <= wire::kOldPeerErrInfoBytes;
    const std::size_t size = room ? text.size() + change : text.size() - change;
    scratch.assign(text);
    scratch.resize(change < kMostPadding ? size : std::max(size, kLongText), ' ');
    head.err_info = scratch;
    if (!misread(head, body, checksum)) return;
  }
  // An application's error number that has the bytes by itself, whatever follows.
  scratch.assign(text);
  head.err_info = scratch;
  if (head.err_code != wire::kOk) head.err_code = wire::kStatusBase + 2;
}

std::string_view fit_text(std::string_view text, std::size_t most, std::string& scratch) {
  if (text.size() > most) {
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end);
  }
  if (text.find('\0') == std::string_view::npos) return text;
  scratch.assign(text);
  std::replace(scratch.begin(), scratch.end(), '\0', '?');
  return scratch;
}

std::string_view reply_text(const ServerCall& call, std::int32_t wire_code, std::string_view text,
                            std::string& scratch) {
  if (text.empty()) return text;
  if (wire_code == 0 && !call.extended) return {};
  if (call.extended || call.wants_checksum) return fit_text(text, kMaxTextBytes, scratch);
  text = fit_text(text, wire::kOldPeerErrInfoBytes, scratch);
  constexpr std::string_view kFrameBytes = "\x02\x03";
  if (text.find_first_of(kFrameBytes) == std::string_view::npos) return text;
  if (scratch.data() != text.data()) scratch.assign(text);
  for (char& c : scratch) {
    if (kFrameBytes.find(c) != std::string_view::npos) c = '?';
  }
  return scratch;
}

}  // namespace rocket::rpc
