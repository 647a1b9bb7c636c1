#include "grpc/reply_block.h"

#include <algorithm>
#include <cstring>

#include "grpc/metadata.h"
#include "grpc/percent.h"
#include "h2/hpack_encoder.h"

namespace rocket::grpc {

namespace {

constexpr std::uint8_t kInternal = 13;
constexpr std::uint8_t kResourceExhausted = 8;

constexpr std::size_t list_bytes(std::string_view name, std::size_t value) { return name.size() + value + 32; }

constexpr std::string_view kStatus = "grpc-status";
constexpr std::string_view kMessage = "grpc-message";
/// The key of error details in the NUL form; JavaScript puts them last.
constexpr std::string_view kDetailsPair{"\0grpc-status-details-bin\0", 25};
constexpr std::size_t kHeadersListBytes = list_bytes(":status", 3) + list_bytes("content-type", 16);

std::uint8_t* put(std::uint8_t* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::uint8_t* write_status(std::uint8_t* out, std::uint8_t code) {
  char digits[2] = {static_cast<char>('0' + code / 10), static_cast<char>('0' + code % 10)};
  const std::string_view text = code < 10 ? std::string_view(digits + 1, 1) : std::string_view(digits, 2);
  return h2::write_literal(out, kStatus, text);
}

}  // namespace

/// Whether the metadata may be sent in addition to `used` bytes of the peer's list; if not, failure_ has the reason.
bool ReplyBlocks::accept(std::string_view metadata, std::size_t used, std::size_t most) {
  const auto checked = check_metadata(metadata);
  if (checked.fault != MetadataFault::kNone) {
    why_ = "the reply's metadata has ";
    why_ += name_of(checked.fault);
    if (!checked.key.empty()) why_.append(": ").append(checked.key.substr(0, 64));
    failure_ = {kInternal, why_, {}};
    return false;
  }
  if (used + checked.list_bytes > most) {
    why_ = "the reply's metadata takes " + std::to_string(used + checked.list_bytes) +
           " bytes, over the client's limit of " + std::to_string(most) + " (SETTINGS_MAX_HEADER_LIST_SIZE)";
    failure_ = {kResourceExhausted, why_, {}};
    return false;
  }
  const std::size_t most_bytes = kReplyHeaders.size() + checked.block_bytes + h2::literal_bound(kStatus, "00") +
                                 h2::literal_bound(kMessage, {}) + kMaxMessageTextBytes;
  if (bytes_.size() < most_bytes) bytes_.resize(most_bytes);
  return true;
}

ByteSpan ReplyBlocks::headers(std::string_view metadata, std::size_t most) {
  if (metadata.empty()) return as_bytes(kReplyHeaders);
  if (!accept(metadata, kHeadersListBytes, most)) return {};
  std::uint8_t* end = write_metadata(put(bytes_.data(), kReplyHeaders), metadata);
  return {bytes_.data(), end};
}

void ReplyBlocks::drop_details(Trailers& trailers, std::size_t used, std::size_t most) {
  const std::string_view with = trailers.metadata;
  const auto at = with.rfind(kDetailsPair);
  if (at == std::string_view::npos) return;
  const std::size_t text = percent_encoded_bytes(trailers.message);
  const std::size_t all = used + check_metadata(with).list_bytes + (text == 0 ? 0 : list_bytes(kMessage, text));
  if (text <= kMaxMessageTextBytes && all <= most) return;
  trailers.metadata = at == 0 ? std::string_view() : with.substr(0, at + 1);
  dropped_ = "the details of an error were not sent: with its message they take " + std::to_string(all) +
             " bytes, over the client's limit of " + std::to_string(most) +
             " (SETTINGS_MAX_HEADER_LIST_SIZE), or the message takes more than " + std::to_string(kMaxMessageTextBytes);
}

ByteSpan ReplyBlocks::trailers(const Trailers& given, std::size_t most, bool only) {
  if (given.code == 0 && given.metadata.empty() && !only) return as_bytes(kOkTrailers);
  Trailers trailers = given;
  const std::size_t used = (only ? kHeadersListBytes : 0) + list_bytes(kStatus, 2);
  if (trailers.code != 0 && !trailers.metadata.empty()) drop_details(trailers, used, most);
  if (!accept(trailers.metadata, used, most)) {
    // A failure keeps its own status, which is more useful.
    if (trailers.code == 0)
      trailers = failure_;
    else
      dropped_ = why_;
    trailers.metadata = {};
    accept({}, 0, most);
  }
  std::uint8_t* end = only ? put(bytes_.data(), kReplyHeaders) : bytes_.data();
  end = write_status(end, trailers.code);
  if (trailers.code != 0 && !trailers.message.empty()) {
    const std::size_t others = used + check_metadata(trailers.metadata).list_bytes + list_bytes(kMessage, 0);
    const std::size_t room = others < most ? most - others : 0;
    const auto text = fit_percent_encoded(trailers.message, std::min(room, kMaxMessageTextBytes));
    if (!text.empty()) {
      *end++ = 0;
      end = h2::write_string(end, kMessage);
      end = h2::write_integer(end, 0, 0x7f, percent_encoded_bytes(text));
      end = percent_encode(end, text);
    }
  }
  end = write_metadata(end, trailers.metadata);
  return {bytes_.data(), end};
}

}  // namespace rocket::grpc
