#include "rpc/reply_frame.h"

#include <algorithm>

namespace rocket::rpc {

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
  const bool ours = call.extended || call.wants_checksum;
  return fit_text(text, ours ? kMaxTextBytes : wire::kOldPeerErrInfoBytes, scratch);
}

}  // namespace rocket::rpc
