#pragma once

#include <map>
#include <string>
#include <vector>

#include "h2/client_session.h"
#include "h2/hpack_encoder.h"
#include "h2/server_session.h"
#include "support/hex.h"

namespace rocket::test {

/// Frames as a client writes them.
inline Bytes frame(h2::FrameType type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload = {}) {
  Bytes out(h2::kFrameHeadBytes);
  h2::write_frame_head(out.data(), payload.size(), type, flags, stream);
  return out + payload;
}
inline Bytes be32(std::uint32_t value) {
  Bytes out(4);
  store_be32(out.data(), value);
  return out;
}
inline Bytes setting(h2::SettingId id, std::uint32_t value) {
  Bytes out(h2::kSettingBytes);
  h2::write_setting(out.data(), id, value);
  return out;
}
inline Bytes settings(const Bytes& entries = {}) { return frame(h2::FrameType::kSettings, 0, 0, entries); }
inline Bytes window_update(std::uint32_t stream, std::uint32_t by) {
  return frame(h2::FrameType::kWindowUpdate, 0, stream, be32(by));
}
inline Bytes rst(std::uint32_t stream, std::uint32_t code = 8) {
  return frame(h2::FrameType::kRstStream, 0, stream, be32(code));
}
inline Bytes ping() { return frame(h2::FrameType::kPing, 0, 0, text_bytes("01234567")); }
inline Bytes data(std::uint32_t stream, const Bytes& bytes, bool end = false) {
  return frame(h2::FrameType::kData, end ? h2::kEndStream : 0, stream, bytes);
}

using Fields = std::vector<std::pair<std::string, std::string>>;
inline Bytes block_of(const Fields& fields) {
  Bytes out;
  for (const auto& [name, value] : fields) {
    Bytes field(h2::literal_bound(name, value));
    auto* end = h2::write_literal(field.data(), name, value);
    field.resize(static_cast<std::size_t>(end - field.data()));
    out = std::move(out) + field;
  }
  return out;
}
inline const Fields kRequestFields = {{":method", "POST"}, {":scheme", "http"}, {":path", "/s/m"}, {"te", "trailers"}};
inline const Bytes kReplyHeaders = block_of({{":status", "200"}});
inline const Bytes kReplyTrailers = block_of({{"grpc-status", "0"}});
inline Bytes headers(std::uint32_t stream, bool end, const Fields& fields = kRequestFields) {
  return frame(h2::FrameType::kHeaders, h2::kEndHeaders | (end ? h2::kEndStream : 0), stream, block_of(fields));
}

/// The id of the i-th stream of a client.
inline std::uint32_t odd(int i) { return 2 * static_cast<std::uint32_t>(i) + 1; }

/// What a session has told its application and what it has written, each a line an event. `Role` is the handler of a
/// server or of a client.
template <class Role>
class SessionListener : public Role, public h2::Sink {
 public:
  explicit SessionListener(const h2::Options& limits) : options(limits) {}

  /// The frames written since it was last asked.
  std::vector<std::string> take_written();
  h2::Stream& stream(std::uint32_t id) { return *streams.at(id); }

  // Handler
  void on_block() override { fields.clear(); }
  void on_field(const h2::Field& field) override {
    fields.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  void on_data(h2::Stream& stream, ByteSpan data, bool ended) override {
    note("data", stream.id(), " " + std::to_string(data.size()) + (ended ? " ended" : ""));
  }
  void on_trailers(h2::Stream& stream, bool too_large) override {
    note("trailers", stream.id(), too_large ? " too_large" : "");
  }
  void on_reset(h2::Stream& stream, h2::ErrorCode code, const char* why) override {
    note("reset", stream.id(), std::string(" ") + h2::name_of(code) + (why == nullptr ? " by peer" : ""));
  }
  void on_stream_writable(h2::Stream& stream) override { note("writable", stream.id(), ""); }
  void on_goaway(const h2::Goaway& goaway) override {
    events.push_back(std::string("goaway ") + h2::name_of(goaway.code) + " " + std::string(goaway.text));
  }
  void on_ping_ack(ByteSpan) override { events.push_back("ping ack"); }
  void on_drained() override { events.push_back("drained"); }
  void on_connection_error(h2::ErrorCode code, const char* why) override {
    events.push_back(std::string("error ") + h2::name_of(code));
    error = why;
  }
  // Sink
  std::uint8_t* append(std::size_t size) override {
    written.resize(written.size() + size);
    appended += size;
    return written.data() + written.size() - size;
  }
  bool backlogged() const override { return is_backlogged; }
  std::uint64_t appended_total() const override { return appended; }
  std::uint64_t written_total() const override { return unread ? 0 : appended; }

  h2::Options options;
  h2::Resources resources;
  SteadyMs now = 1'000'000;
  std::vector<std::string> events;
  std::vector<std::string> fields;
  std::vector<std::string> kept_fields;
  bool keeps_blocks = true;
  int kept_blocks = 0;
  std::string error;
  std::map<std::uint32_t, h2::Stream*> streams;  ///< not yet released
  Bytes written;
  std::uint64_t appended = 0;
  bool is_backlogged = false;
  bool unread = false;  ///< the peer reads nothing
  h2::Session::Fed fed;
  h2::HpackDecoder peer_decoder;
  h2::HpackScratch peer_scratch;

 protected:
  void note(const char* what, std::uint32_t id, const std::string& more) {
    events.push_back(what + std::string(" ") + std::to_string(id) + more);
  }
  static std::string marks(const h2::Opening& opening) {
    return std::string(opening.ended ? " ended" : "") + (opening.too_large ? " too_large" : "");
  }
};

class SessionFixture : public SessionListener<h2::ServerHandler> {
 public:
  explicit SessionFixture(const h2::Options& limits = {}) : SessionListener(limits) { session.start(now); }
  ~SessionFixture() {
    for (auto& [id, stream] : streams) session.release(*stream);
  }

  /// Preface and SETTINGS; what they are answered by is not kept.
  void open(const Bytes& entries = {}) {
    feed(text_bytes(h2::kPreface) + settings(entries));
    take_written();
  }
  /// The events that come of it.
  std::vector<std::string> feed(const Bytes& bytes) {
    events.clear();
    const Bytes exact(bytes);
    fed = session.feed(exact, now);
    return events;
  }
  void release(std::uint32_t id) {
    session.release(*streams.at(id));
    streams.erase(id);
  }
  bool keep_block() override {
    kept_fields = fields;
    return keeps_blocks;
  }
  void on_kept_block() override {
    fields = kept_fields;
    ++kept_blocks;
  }
  void on_request(h2::Stream& stream, h2::Opening opening) override {
    streams[stream.id()] = &stream;
    note("request", stream.id(), marks(opening));
  }

  h2::ServerSession session{options, resources, *this, *this};
};

/// The same for a client's session.
class ClientFixture : public SessionListener<h2::ClientHandler> {
 public:
  explicit ClientFixture(const h2::Options& limits = client_options()) : SessionListener(limits) { session.start(now); }
  ~ClientFixture() {
    for (auto& [id, stream] : streams) session.release(*stream);
  }
  static h2::Options client_options() {
    h2::Options made;
    made.max_streams = h2::kMaxStreamId;
    made.min_ping_interval = Millis{0};
    return made;
  }

  /// SETTINGS of the server; what they are answered by is not kept.
  void open(const Bytes& entries = {}) {
    feed(settings(entries));
    take_written();
  }
  std::vector<std::string> feed(const Bytes& bytes) {
    events.clear();
    const Bytes exact(bytes);
    fed = session.feed(exact, now);
    return events;
  }
  /// Begins a request; its id.
  std::uint32_t request(bool ends = true) {
    h2::Stream& stream = *session.open(block_of(kRequestFields));
    streams[stream.id()] = &stream;
    if (ends) session.send_data(stream, text_bytes("abc"), {}, true);
    return stream.id();
  }
  void release(std::uint32_t id) {
    session.release(*streams.at(id));
    streams.erase(id);
  }
  void cancel(std::uint32_t id) {
    session.reset(*streams.at(id), h2::ErrorCode::kCancel);
    release(id);
  }
  void on_response(h2::Stream& stream, int status, h2::Opening opening) override {
    note("response", stream.id(), " " + std::to_string(status) + marks(opening));
  }
  void on_settings() override { events.push_back("settings"); }

  h2::ClientSession session{options, resources, *this, *this};
};

/// Each frame is checked as the peer would; blocks are decoded, so that what they hold is told.
template <class Role>
std::vector<std::string> SessionListener<Role>::take_written() {
  std::vector<std::string> out;
  const bool begins = as_text(written).starts_with(h2::kPreface);
  for (std::size_t at = begins ? h2::kPreface.size() : 0; at < written.size();) {
    const auto head = h2::read_frame_head(written.data() + at);
    if (const auto fault = h2::check_frame_head(head, h2::kDefaultMaxFrameBytes)) out.push_back(fault.why);
    const auto payload = ByteSpan(written).subspan(at + h2::kFrameHeadBytes, head.length);
    at += head.frame_bytes();
    std::string line = std::to_string(head.stream) + " ";
    const std::string end = head.has(h2::kEndStream) ? " ended" : "";
    if (head.is(h2::FrameType::kData)) line += "DATA " + std::to_string(payload.size()) + end;
    if (head.is(h2::FrameType::kContinuation)) line += "CONTINUATION " + std::to_string(payload.size());
    if (head.is(h2::FrameType::kHeaders)) {
      line += "HEADERS";
      const auto decode = [&](const h2::Field& field) {
        line += " " + std::string(field.name.substr(0, 20)) + "=" + std::string(field.value.substr(0, 20));
        return true;
      };
      if (head.has(h2::kEndHeaders)) {
        const auto error = peer_decoder.decode(payload, peer_scratch, decode);
        if (error != h2::HpackError::kNone) line += h2::name_of(error);
      } else {
        line += " begun";
      }
      line += end;
    }
    if (head.is(h2::FrameType::kRstStream)) line += std::string("RST ") + h2::name_of(h2::read_rst_stream(payload));
    if (head.is(h2::FrameType::kWindowUpdate)) line += "WINDOW_UPDATE " + std::to_string(load_be32(payload.data()));
    if (head.is(h2::FrameType::kSettings)) line += head.has(h2::kAck) ? "SETTINGS ack" : "SETTINGS";
    if (head.is(h2::FrameType::kPing)) line += head.has(h2::kAck) ? "PING ack" : "PING";
    if (head.is(h2::FrameType::kGoaway)) {
      const auto goaway = h2::read_goaway(payload);
      line += "GOAWAY " + std::to_string(goaway.last_stream) + " " + h2::name_of(goaway.code);
    }
    out.push_back(line);
  }
  written.clear();
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace rocket::test
