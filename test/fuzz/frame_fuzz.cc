// One frame, after a preface and a request whose stream 1 is still open, for our reader and for an nghttp2 server. What
// nghttp2 takes we take, and what costs the connection in our reader does so in nghttp2's.
//
// Not compared: faults of a stream, which nghttp2 partly makes faults of the connection (a PRIORITY of a wrong length,
// a WINDOW_UPDATE by 0, a stream that depends on itself); the contents of header blocks (hpack_fuzz); settings 8 and 9,
// which nghttp2 knows and we do not; and a setting that comes twice in a frame, of which nghttp2 looks at the last
// alone.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "h2/frame.h"

namespace {

using namespace rocket::h2;
using rocket::ByteSpan;
using Bytes = std::vector<std::uint8_t>;

void expect(bool holds) {
  if (!holds) std::abort();
}

Fault ours(ByteSpan frame) {
  const auto head = read_frame_head(frame.data());
  if (const auto fault = check_frame_head(head, kDefaultMaxFrameBytes)) return fault;
  if (frame.size() < head.frame_bytes()) return {};
  const auto payload = frame.subspan(kFrameHeadBytes, head.length);
  ByteSpan rest;
  std::uint32_t increment = 0;
  if (head.is(FrameType::kData)) return read_data(head, payload, rest);
  if (head.is(FrameType::kHeaders)) return read_headers(head, payload, rest);
  if (head.is(FrameType::kPriority)) return read_priority(head, payload);
  if (head.is(FrameType::kWindowUpdate)) return read_window_update(head, payload, increment);
  if (head.is(FrameType::kSettings) && !head.has(kAck)) {
    for (std::size_t at = 0; at < payload.size(); at += kSettingBytes) {
      Setting setting;
      if (const auto fault = read_setting(payload.data() + at, setting)) return fault;
    }
  }
  return {};
}

struct Referee {
  bool taken = false;
  bool ended = false;  ///< it has sent GOAWAY with an error

  static int on_frame(nghttp2_session*, const nghttp2_frame*, void* self) {
    static_cast<Referee*>(self)->taken = true;
    return 0;
  }
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != 0) static_cast<Referee*>(self)->ended = true;
    return 0;
  }
  static ssize_t send(nghttp2_session*, const std::uint8_t*, std::size_t size, int, void*) {
    return static_cast<ssize_t>(size);
  }
};

Referee theirs(ByteSpan frame) {
  Referee referee;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Referee::on_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Referee::on_sent);
  nghttp2_session_callbacks_set_send_callback(callbacks, Referee::send);
  nghttp2_session* session = nullptr;
  expect(nghttp2_session_server_new(&session, callbacks, &referee) == 0);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session, 0, nullptr, 0);

  const std::uint8_t opening[] = {0, 0, 0, 4, 0, 0, 0, 0, 0,                                   // SETTINGS
                                  0, 0, 6, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84, 0x01, 1, 'h'};  // HEADERS
  Bytes before(kPreface.begin(), kPreface.end());
  before.insert(before.end(), std::begin(opening), std::end(opening));
  expect(nghttp2_session_mem_recv(session, before.data(), before.size()) == static_cast<ssize_t>(before.size()));
  nghttp2_session_send(session);
  expect(referee.taken && !referee.ended);

  referee.taken = false;
  const auto taken = nghttp2_session_mem_recv(session, frame.data(), frame.size());
  if (taken < 0) referee.ended = true;
  nghttp2_session_send(session);
  nghttp2_session_del(session);
  return referee;
}

bool is_beyond_comparison(ByteSpan payload) {
  std::vector<int> seen;
  for (std::size_t at = 0; at + kSettingBytes <= payload.size(); at += kSettingBytes) {
    const int id = payload[at] << 8 | payload[at + 1];
    if (id == 8 || id == 9 || std::find(seen.begin(), seen.end(), id) != seen.end()) return true;
    seen.push_back(id);
  }
  return false;
}

}  // namespace

// The first byte chooses whether the frame's length is that of what follows, so that most inputs are whole frames.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 + kFrameHeadBytes) return 0;
  Bytes frame(data + 1, data + size);
  const std::size_t length = frame.size() - kFrameHeadBytes;
  if (data[0] % 8 != 0) {
    frame[0] = 0;
    frame[1] = static_cast<std::uint8_t>(length >> 8);
    frame[2] = static_cast<std::uint8_t>(length);
  }
  if (data[0] % 4 != 0) frame[5] = frame[6] = frame[7] = 0;
  const auto head = read_frame_head(frame.data());
  const bool whole = head.length <= length;
  if (whole) frame.resize(head.frame_bytes());
  if (head.is(FrameType::kSettings) && is_beyond_comparison(ByteSpan(frame).subspan(kFrameHeadBytes))) return 0;

  const auto fault = ours(frame);
  const auto referee = theirs(frame);
  // nghttp2 may find a fault before the frame is all there, and so may we.
  if (referee.taken) expect(!fault || fault.of_stream);
  if (fault && !fault.of_stream && whole) expect(referee.ended && !referee.taken);
  return 0;
}
