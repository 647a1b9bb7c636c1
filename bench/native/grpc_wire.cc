#include "grpc_wire.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <string_view>

namespace rocket::bench {
namespace {

enum FrameType : std::uint8_t {
  kData,
  kHeaders,
  kPriority,
  kRstStream,
  kSettings,
  kPushPromise,
  kPing,
  kGoaway,
  kWindowUpdate
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;
constexpr std::uint8_t kPaddedOrPriority = 0x8 | 0x20;
constexpr std::size_t kHeadBytes = 9;
constexpr std::size_t kMaxFrameBytes = 16'384;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::uint16_t kHeaderTableSize = 1;
constexpr std::uint16_t kInitialWindowSize = 4;
constexpr std::uint32_t kDefaultTableBytes = 4096;
constexpr std::uint32_t kWindow = 16 << 20;
constexpr std::uint32_t kDefaultWindow = 65'535;
constexpr std::int32_t kNoStatus = -1;
/// Codes of what is no status of the peer's: the stream was reset, or its reply is incomplete.
constexpr std::int32_t kReset = 1000;
constexpr std::int32_t kIncompleteReply = 1001;

std::uint32_t read_u32(const std::uint8_t* from) {
  return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 | from[3];
}

void append_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_head(std::vector<std::uint8_t>& out, std::size_t bytes, FrameType type, std::uint8_t flags,
                 std::uint32_t stream) {
  out.push_back(static_cast<std::uint8_t>(bytes >> 16));
  out.push_back(static_cast<std::uint8_t>(bytes >> 8));
  out.push_back(static_cast<std::uint8_t>(bytes));
  out.push_back(type);
  out.push_back(flags);
  append_u32(out, stream);
}

void append_window_update(std::vector<std::uint8_t>& out, std::uint32_t by) {
  append_head(out, 4, kWindowUpdate, 0, 0);
  append_u32(out, by);
}

/// RFC 7541, section 5.2, without Huffman; texts here are shorter than 127 bytes.
void append_text(std::vector<std::uint8_t>& out, std::string_view text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

std::string path_of(const std::string& method) {
  const std::size_t dot = method.rfind('.');
  return "/" + method.substr(0, dot) + "/" + (dot == std::string::npos ? "" : method.substr(dot + 1));
}

bool same(std::span<const std::uint8_t> a, const std::vector<std::uint8_t>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

struct GrpcWire::Frame {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint32_t stream;
  std::span<const std::uint8_t> payload;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  std::size_t bytes() const { return kHeadBytes + payload.size(); }
  Answer other() const { return {Answer::Kind::kOther, bytes(), std::nullopt, 0}; }
  Answer malformed() const { return {Answer::Kind::kMalformed, bytes(), std::nullopt, 0}; }
};

GrpcRequest::GrpcRequest(const Options& options) {
  constexpr std::uint8_t kPost = 0x83;
  constexpr std::uint8_t kHttp = 0x86;
  // A literal with incremental indexing; the number is the name's in the static table, 0 for a new name.
  struct Field {
    std::uint8_t name_index;
    std::string_view name;
    std::string value;
  };
  std::vector<Field> fields = {
      {4, {}, path_of(options.method)},
      {1, {}, options.host + ":" + std::to_string(options.port)},
      {31, {}, "application/grpc"},
      {58, {}, "rocket_loadgen"},
      {0, "te", "trailers"},
  };
  if (options.deadline_ms > 0) fields.push_back({0, "grpc-timeout", std::to_string(options.deadline_ms) + "m"});
  first_block_ = {kPost, kHttp};
  for (const Field& field : fields) {
    first_block_.push_back(static_cast<std::uint8_t>(0x40 | field.name_index));
    if (field.name_index == 0) append_text(first_block_, field.name);
    append_text(first_block_, field.value);
  }
  // The field entered last has the number 62.
  block_ = {kPost, kHttp};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    block_.push_back(static_cast<std::uint8_t>(0x80 | (62 + fields.size() - 1 - i)));
  }
  const std::string body = make_order_body(options.body_bytes);
  message_.push_back(0);
  append_u32(message_, static_cast<std::uint32_t>(body.size()));
  message_.insert(message_.end(), body.begin(), body.end());
}

GrpcWire::GrpcWire(const GrpcRequest& request, std::uint32_t slots) : request_(request), calls_(slots) {
  if (nghttp2_hd_inflate_new(&inflater_) != 0) throw std::bad_alloc();
}

GrpcWire::~GrpcWire() { nghttp2_hd_inflate_del(inflater_); }

void GrpcWire::open(std::vector<std::uint8_t>& out) {
  out.insert(out.end(), kPreface.begin(), kPreface.end());
  append_head(out, 6, kSettings, 0, 0);
  out.push_back(0);
  out.push_back(kInitialWindowSize);
  append_u32(out, kWindow);
  append_window_update(out, kWindow - kDefaultWindow);
}

void GrpcWire::request(std::vector<std::uint8_t>& out, const CallId& id) {
  calls_[id.slot] = {};
  waiting_.push_back(id);
  send_waiting(out);
}

void GrpcWire::send_waiting(std::vector<std::uint8_t>& out) {
  while (!waiting_.empty() && window_ >= static_cast<std::int64_t>(request_.message().size())) {
    send(out, waiting_.front());
    waiting_.pop_front();
  }
}

void GrpcWire::send(std::vector<std::uint8_t>& out, const CallId& id) {
  const auto& block = next_stream_ == 1 ? request_.first_block() : request_.block();
  const auto& message = request_.message();
  calls_[id.slot] = {.id = id, .stream = next_stream_};
  append_head(out, block.size(), kHeaders, kEndHeaders, next_stream_);
  out.insert(out.end(), block.begin(), block.end());
  append_head(out, message.size(), kData, kEndStream, next_stream_);
  out.insert(out.end(), message.begin(), message.end());
  window_ -= static_cast<std::int64_t>(message.size());
  next_stream_ += 2;
}

GrpcWire::Call* GrpcWire::find(std::uint32_t stream) {
  const auto at = std::ranges::find(calls_, stream, &Call::stream);
  return at == calls_.end() ? nullptr : &*at;
}

Answer GrpcWire::next(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& out) {
  if (bytes.size() < kHeadBytes) return {.kind = Answer::Kind::kIncomplete, .id = {}};
  const std::size_t length = read_u32(bytes.data()) >> 8;
  if (length > kMaxFrameBytes) return {.kind = Answer::Kind::kMalformed, .id = {}};
  if (bytes.size() < kHeadBytes + length) return {.kind = Answer::Kind::kIncomplete, .id = {}};
  const Frame frame{bytes[3], bytes[4], read_u32(bytes.data() + 5) & 0x7fff'ffff, bytes.subspan(kHeadBytes, length)};
  switch (frame.type) {
    case kData: return on_data(frame, out);
    case kHeaders: return on_headers(frame);
    case kSettings: return on_settings(frame, out);
    case kRstStream: {
      // A server that has answered may tell a client to stop sending.
      Call* call = find(frame.stream);
      if (call == nullptr) return frame.other();
      call->status = kReset;
      return end(frame, call);
    }
    case kPing:
      if (frame.has(kAck)) return frame.other();
      append_head(out, length, kPing, kAck, 0);
      out.insert(out.end(), frame.payload.begin(), frame.payload.end());
      return frame.other();
    case kWindowUpdate:
      if (length != 4) return frame.malformed();
      if (frame.stream == 0) window_ += read_u32(frame.payload.data()) & 0x7fff'ffff;
      send_waiting(out);
      return frame.other();
    // No reply here needs CONTINUATION, and a server that says farewell ends the run.
    case kPushPromise:
    case kGoaway:
    case kWindowUpdate + 1: return frame.malformed();
    default: return frame.other();
  }
}

Answer GrpcWire::end(const Frame& frame, Call* call) {
  if (call == nullptr) return {Answer::Kind::kReply, frame.bytes(), std::nullopt, 0};
  std::int32_t code = call->status;
  if (code == kNoStatus || (code == 0 && !call->message)) code = kIncompleteReply;
  const CallId id = call->id;
  *call = {};
  return {Answer::Kind::kReply, frame.bytes(), id, code};
}

Answer GrpcWire::on_data(const Frame& frame, std::vector<std::uint8_t>& out) {
  received_ += static_cast<std::uint32_t>(frame.payload.size());
  if (received_ > kWindow / 2) {
    append_window_update(out, received_);
    received_ = 0;
  }
  Call* call = find(frame.stream);
  if (call != nullptr) call->message = true;
  return frame.has(kEndStream) ? end(frame, call) : frame.other();
}

Answer GrpcWire::on_headers(const Frame& frame) {
  if (!frame.has(kEndHeaders) || frame.has(kPaddedOrPriority)) return frame.malformed();
  const bool last = frame.has(kEndStream);
  Known& known = last ? trailers_ : replies_;
  std::int32_t status = known.status;
  if (!same(frame.payload, known.block)) {
    const std::size_t before = nghttp2_hd_inflate_get_dynamic_table_size(inflater_);
    if (!decode(frame.payload, status)) return frame.malformed();
    const std::size_t after = nghttp2_hd_inflate_get_dynamic_table_size(inflater_);
    // A table that grew has other numbers for what it had. One of the other blocks may refer to them.
    if (before != after) replies_ = trailers_ = {};
    // Below this size nothing was evicted, so the same size is the same table.
    if (before == after && after < kDefaultTableBytes / 2)
      known = {{frame.payload.begin(), frame.payload.end()}, status};
  }
  Call* call = find(frame.stream);
  if (call != nullptr && status != kNoStatus) call->status = status;
  return last ? end(frame, call) : frame.other();
}

bool GrpcWire::decode(std::span<const std::uint8_t> block, std::int32_t& status) {
  status = kNoStatus;
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, block.data(), block.size(), 1);
    if (used < 0) return false;
    block = block.subspan(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
      const auto* value = reinterpret_cast<const char*>(field.value);
      if (name == "grpc-status") std::from_chars(value, value + field.valuelen, status);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) break;
  }
  return nghttp2_hd_inflate_end_headers(inflater_) == 0;
}

Answer GrpcWire::on_settings(const Frame& frame, std::vector<std::uint8_t>& out) {
  if (frame.has(kAck)) return frame.other();
  for (std::size_t at = 0; at + 6 <= frame.payload.size(); at += 6) {
    const std::uint8_t* entry = frame.payload.data() + at;
    const auto id = static_cast<std::uint16_t>(entry[0] << 8 | entry[1]);
    const std::uint32_t value = read_u32(entry + 2);
    // Requests refer to fields in the peer's table, and are sent whole.
    if (id == kHeaderTableSize && value < kDefaultTableBytes) return frame.malformed();
    if (id == kInitialWindowSize && value < request_.message().size()) return frame.malformed();
  }
  append_head(out, 0, kSettings, kAck, 0);
  return frame.other();
}

}  // namespace rocket::bench
