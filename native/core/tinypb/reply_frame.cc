#include "tinypb/reply_frame.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "tinypb/crc32c.h"
#include "tinypb/partial_scan.h"
#include "tinypb/protocol.h"
#include "tinypb/wire_code.h"

namespace rocket::tinypb {

namespace {

constexpr std::size_t kMostPadding = 4;
/// A text this long puts a 1 into the third byte of its length.
constexpr std::size_t kLongText = 256;

bool misread(const FrameHead& head, ByteSpan body, bool checksum) {
  thread_local std::vector<std::uint8_t> prefix;
  prefix.resize(frame_bytes(head, 0) - kSuffixBytes);
  write_prefix(prefix.data(), head, body.size());
  const auto sum = checksum ? crc32c(body, crc32c(prefix)) : kNoChecksum;
  return misread_while_partial(prefix, body, sum, Cut::kAsSent);
}

}  // namespace

void make_readable(FrameHead& head, ByteSpan body, bool method_holds, bool& checksum, std::string& scratch) {
  if (!holds_start_byte(head, body, method_holds) || !misread(head, body, checksum)) return;
  // When 1 is what does not fit behind the body.
  checksum = true;
  const std::string text(head.err_info);
  for (std::size_t change = 0; change <= kMostPadding; ++change) {
    const bool room = text.size() + change <= kOldPeerErrInfoBytes;
    const std::size_t size = room ? text.size() + change : text.size() - change;
    scratch.assign(text);
    scratch.resize(change < kMostPadding ? size : std::max(size, kLongText), ' ');
    head.err_info = scratch;
    if (!misread(head, body, checksum)) return;
  }
  // An application's error number that has the bytes by itself, whatever follows.
  scratch.assign(text);
  head.err_info = scratch;
  if (head.err_code != kOk) head.err_code = kStatusBase + 2;
}

std::string_view fit_text(std::string_view text, std::size_t most, std::string& scratch) {
  text = cut_utf8(text, most);
  if (text.find('\0') == std::string_view::npos) return text;
  scratch.assign(text);
  std::replace(scratch.begin(), scratch.end(), '\0', '?');
  return scratch;
}

std::string_view reply_text(const rpc::ServerCall& call, const rpc::Status& status, std::string_view text,
                            std::string& scratch) {
  if (text.empty()) return text;
  const bool extended = (call.marks & mark::kExtended) != 0;
  if (status.ok() && !extended) return {};
  if (extended || (call.marks & mark::kChecksum) != 0) return fit_text(text, kMaxTextBytes, scratch);
  text = fit_text(text, kOldPeerErrInfoBytes, scratch);
  constexpr std::string_view kFrameBytes = "\x02\x03";
  if (text.find_first_of(kFrameBytes) == std::string_view::npos) return text;
  if (scratch.data() != text.data()) scratch.assign(text);
  for (char& c : scratch) {
    if (kFrameBytes.find(c) != std::string_view::npos) c = '?';
  }
  return scratch;
}

}  // namespace rocket::tinypb
