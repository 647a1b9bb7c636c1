// Feeds a stream of bytes to the decoder in pieces, both chosen by the fuzzer, as a session does with what it receives;
// whatever decodes has to encode to the same bytes again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rpc/health.h"
#include "wire/ascii.h"
#include "wire/frame.h"

namespace {

using rocket::ByteSpan;
using rocket::wire::DecodeError;

constexpr std::size_t kMaxFrameBytes = 2048;

void expect(bool holds) {
  if (!holds) std::abort();
}

bool inside(const void* at, std::size_t size, ByteSpan of) {
  const auto* begin = static_cast<const std::uint8_t*>(at);
  return size == 0 || (begin >= of.data() && begin + size <= of.data() + of.size());
}

/// False when the frame is refused.
bool take_frame(ByteSpan frame) {
  rocket::wire::FrameView view;
  if (rocket::wire::decode(frame, view) != DecodeError::kNone) return false;
  expect(inside(view.msg_id.data(), view.msg_id.size(), frame));
  expect(inside(view.method.data(), view.method.size(), frame));
  expect(inside(view.err_info.data(), view.err_info.size(), frame));
  expect(inside(view.body.data(), view.body.size(), frame));
  std::string_view service;
  if (rocket::rpc::health::decode_request(view.body, service))
    expect(inside(service.data(), service.size(), view.body));
  const rocket::wire::FrameHead head{view.msg_id, view.method, view.err_code, view.err_info};
  expect(rocket::wire::frame_bytes(head, view.body.size()) == frame.size());
  std::vector<std::uint8_t> again(frame.size());
  rocket::wire::encode(again.data(), head, view.body, view.checksum != rocket::wire::kNoChecksum);
  expect(std::equal(again.begin(), again.end(), frame.begin(), frame.end()));
  return true;
}

/// Takes the whole frames at the front of `pending`; false when the stream is refused.
bool take_all(std::vector<std::uint8_t>& pending) {
  std::size_t consumed = 0;
  bool good = true;
  while (good) {
    // A copy of exactly what has come in, so that AddressSanitizer sees the first byte read past it.
    const std::vector<std::uint8_t> rest(pending.begin() + static_cast<std::ptrdiff_t>(consumed), pending.end());
    const auto length = rocket::wire::peek_length(rest, kMaxFrameBytes);
    expect(length.error == DecodeError::kNone || length.bytes == 0);
    expect(length.bytes == 0 || (length.bytes >= rocket::wire::kFrameOverhead && length.bytes <= kMaxFrameBytes));
    expect(rest.size() < rocket::wire::kLengthEnd || length.bytes > 0 || length.error != DecodeError::kNone);
    if (length.error != DecodeError::kNone) return false;
    if (length.bytes == 0 || rest.size() < length.bytes) break;
    good = take_frame(ByteSpan(rest).first(length.bytes));
    consumed += length.bytes;
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(consumed));
  return good;
}

}  // namespace

// The first byte seeds the sizes of the pieces, 0 standing for one piece; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The same bytes as a message: only a read past them could go wrong.
  rocket::wire::StringSpans strings;
  rocket::wire::text_is_ascii({data, size}, 0xffffffffU, strings);
  for (const auto& span : strings.all()) expect(span.at <= size && span.size <= size - span.at);
  std::uint32_t state = data[0];
  std::vector<std::uint8_t> pending;
  for (ByteSpan stream(data + 1, size - 1); !stream.empty();) {
    state = state * 1664525 + 1013904223;
    const std::size_t wanted = data[0] == 0 ? stream.size() : 1 + (state >> 16) % 64;
    const auto piece = stream.first(std::min(wanted, stream.size()));
    pending.insert(pending.end(), piece.begin(), piece.end());
    stream = stream.subspan(piece.size());
    if (!take_all(pending)) return 0;
    expect(pending.size() < kMaxFrameBytes + piece.size());
  }
  return 0;
}
