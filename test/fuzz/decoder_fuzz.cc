// Feeds a stream of bytes to the decoder in pieces, both chosen by the fuzzer, as a session does with what it receives;
// whatever decodes has to encode to the same bytes again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "protobuf/ascii.h"
#include "rpc/health.h"
#include "tinypb/frame.h"

namespace {

using rocket::ByteSpan;
using rocket::tinypb::DecodeError;

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
  rocket::tinypb::FrameView view;
  if (rocket::tinypb::decode(frame, view) != DecodeError::kNone) return false;
  expect(inside(view.msg_id.data(), view.msg_id.size(), frame));
  expect(inside(view.method.data(), view.method.size(), frame));
  expect(inside(view.err_info.data(), view.err_info.size(), frame));
  expect(inside(view.body.data(), view.body.size(), frame));
  std::string_view service;
  if (rocket::rpc::health::decode_request(view.body, service))
    expect(inside(service.data(), service.size(), view.body));
  const rocket::tinypb::FrameHead head{view.msg_id, view.method, view.err_code, view.err_info};
  expect(rocket::tinypb::frame_bytes(head, view.body.size()) == frame.size());
  std::vector<std::uint8_t> again(frame.size());
  rocket::tinypb::encode(again.data(), head, view.body, view.checksum != rocket::tinypb::kNoChecksum);
  expect(std::equal(again.begin(), again.end(), frame.begin(), frame.end()));
  return true;
}

/// A stream that is taken apart as tinypb/take_frames.h does.
struct Stream {
  std::vector<std::uint8_t> pending;
  std::size_t skip = 0;  ///< what is left of a frame over the limit
};

/// What a frame over the limit is answered by; false when it is refused, or more is needed.
bool take_start(ByteSpan rest, std::size_t frame_bytes, bool& refused) {
  const auto start = rocket::tinypb::peek_start(rest, frame_bytes);
  refused = start.error != DecodeError::kNone;
  if (refused) return false;
  // No more is asked for than the frame has, nor than the names can take.
  expect(start.bytes <= frame_bytes && start.bytes <= 13 + 2 * rocket::tinypb::kMaxNameBytes);
  if (rest.size() < start.bytes) return false;
  expect(inside(start.msg_id.data(), start.msg_id.size(), rest));
  expect(inside(start.method.data(), start.method.size(), rest));
  return true;
}

/// Takes the whole frames at the front of the stream; false when it is refused.
bool take_all(Stream& stream) {
  std::size_t consumed = 0;
  bool good = true;
  while (good) {
    // A copy of exactly what has come in, so that AddressSanitizer sees the first byte read past it.
    const std::vector<std::uint8_t> rest(stream.pending.begin() + static_cast<std::ptrdiff_t>(consumed),
                                         stream.pending.end());
    const auto length = rocket::tinypb::peek_length(rest, kMaxFrameBytes);
    const bool too_long = length.error == DecodeError::kFrameTooLong;
    expect(length.error == DecodeError::kNone || too_long || length.bytes == 0);
    expect(length.bytes == 0 || length.bytes >= rocket::tinypb::kFrameOverhead);
    expect(length.bytes == 0 || too_long == (length.bytes > kMaxFrameBytes));
    expect(rest.size() < rocket::tinypb::kLengthEnd || length.bytes > 0 || length.error != DecodeError::kNone);
    if (too_long) {
      bool refused = false;
      if (!take_start(rest, length.bytes, refused)) {
        good = !refused;
        break;
      }
      const std::size_t here = std::min(rest.size(), length.bytes);
      consumed += here;
      stream.skip = length.bytes - here;
      if (stream.skip > 0) break;
      continue;
    }
    if (length.error != DecodeError::kNone) return false;
    if (length.bytes == 0 || rest.size() < length.bytes) break;
    good = take_frame(ByteSpan(rest).first(length.bytes));
    consumed += length.bytes;
  }
  stream.pending.erase(stream.pending.begin(), stream.pending.begin() + static_cast<std::ptrdiff_t>(consumed));
  return good;
}

}  // namespace

// The first byte seeds the sizes of the pieces, 0 standing for one piece; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The same bytes as a message: only a read past them could go wrong.
  rocket::protobuf::StringSpans strings;
  rocket::protobuf::text_is_ascii({data, size}, 0xffffffffU, strings);
  for (const auto& span : strings.all()) expect(span.at <= size && span.size <= size - span.at);
  std::uint32_t state = data[0];
  Stream stream;
  for (ByteSpan input(data + 1, size - 1); !input.empty();) {
    state = state * 1664525 + 1013904223;
    const std::size_t wanted = data[0] == 0 ? input.size() : 1 + (state >> 16) % 64;
    auto piece = input.first(std::min(wanted, input.size()));
    input = input.subspan(piece.size());
    const std::size_t skipped = std::min(stream.skip, piece.size());
    stream.skip -= skipped;
    piece = piece.subspan(skipped);
    stream.pending.insert(stream.pending.end(), piece.begin(), piece.end());
    if (!take_all(stream)) return 0;
    expect(stream.pending.size() < std::max(kMaxFrameBytes, 13 + 2 * rocket::tinypb::kMaxNameBytes) + piece.size());
  }
  return 0;
}
