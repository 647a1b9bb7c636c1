// A session of a client between a server and an application, both driven by the fuzzer. What has to hold whatever they
// do: only valid frames are written, no more DATA than the server's windows admit, no more streams than it allows,
// nothing heard after the end of a stream, a connection, or a release.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "h2/client_session.h"
#include "session_script.h"

namespace {

using namespace rocket::h2;
using rocket::ByteSpan;
using rocket::load_be32;
using Bytes = std::vector<std::uint8_t>;

void expect(bool holds) {
  if (!holds) std::abort();
}

Options options() {
  Options options;
  options.max_streams = 8;
  options.max_window = 1 << 20;
  options.connection_window = kDefaultWindow;
  options.max_header_list_bytes = 512;
  options.max_stream_queue_bytes = 4096;
  options.glitches.burst = 200;
  options.max_control_frames = 50;
  options.min_ping_interval = rocket::Millis{0};
  options.last_id = 199;
  return options;
}

class Driver : public ClientHandler, public Sink {
 public:
  Driver() {
    session_.start(now_);
    skip_ = kPreface.size();
    const std::uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    server_says(Bytes(std::begin(settings), std::end(settings)));
  }
  ~Driver() {
    session_.close();
    while (!held_.empty()) release(held_.begin()->second);
  }

  void server_says(const Bytes& bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    // A copy of exactly what is there, so that AddressSanitizer sees the first byte read past it.
    const Bytes exact(pending_);
    now_ += 1;
    const auto fed = session_.feed(exact, now_);
    expect(fed.consumed <= exact.size());
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(fed.consumed));
    expect(pending_.size() < kFrameHeadBytes + kDefaultMaxFrameBytes);
    look();
  }
  /// Before the session sees it: what it may then send more.
  void note_frame(ByteSpan frame) {
    const auto head = read_frame_head(frame.data());
    const auto payload = frame.subspan(kFrameHeadBytes);
    if (head.is(FrameType::kWindowUpdate) && payload.size() == 4) {
      const auto by = load_be32(payload.data()) & kMaxWindow;
      if (head.stream == 0) connection_ += by;
      if (head.stream != 0) window_of(head.stream) += by;
    }
    if (!head.is(FrameType::kSettings) || head.has(kAck)) return;
    for (std::size_t at = 0; at + kSettingBytes <= payload.size(); at += kSettingBytes) {
      const std::int64_t value = load_be32(payload.data() + at + 2);
      if (payload[at] != 0 || payload[at + 1] != 4) continue;
      for (auto& [id, window] : windows_) window += value - initial_;
      initial_ = value;
    }
  }
  void application_does(std::uint8_t what, std::uint8_t which, std::uint8_t size) {
    static const Bytes body(20000, 'b');
    const ByteSpan bytes = ByteSpan(body).first(std::min<std::size_t>(size * 80, body.size()));
    if (what % 16 == 15) backlogged_ = !backlogged_;
    if (what % 16 == 14) written_ = appended_;
    if (what % 16 == 13) now_ += size * 1000;
    if (!backlogged_) session_.on_writable();
    if (what % 16 >= 9 && what % 16 < 13 && session_.room() > 0) {
      Stream* const stream = session_.open(block_);
      expect(stream != nullptr && stream->id() <= 199);
      held_[stream->id()] = stream;
      if (size % 2 == 0) session_.send_data(*stream, bytes, {}, true);
    }
    if (!held_.empty() && what % 16 < 9) {
      auto& stream = *std::next(held_.begin(), which % static_cast<int>(held_.size()))->second;
      if (what % 16 < 2) session_.send_data(stream, bytes.first(std::min<std::size_t>(5, bytes.size())), bytes, false);
      if (what % 16 == 2) session_.send_data(stream, {}, bytes, true);
      if (what % 16 > 2 && what % 16 < 6) session_.consume(stream, size * 200);
      if (what % 16 == 6) session_.reset(stream, ErrorCode::kCancel);
      if (what % 16 > 6) release(&stream);
    }
    look();
  }

  // Handler
  void on_block() override { expect(!ended_); }
  void on_field(const Field& field) override {
    expect(!ended_);
    volatile std::size_t sum = 0;
    for (const char c : field.name) sum = sum + static_cast<unsigned char>(c);
    for (const char c : field.value) sum = sum + static_cast<unsigned char>(c);
  }
  void on_response(Stream& stream, int status, Opening) override {
    hear(stream);
    expect(status >= 200 && status <= 999 && answered_.emplace(stream.id(), true).second);
    if (stream.id() % 5 == 1) release(&stream);
  }
  void on_data(Stream& stream, ByteSpan data, bool ended) override {
    hear(stream);
    expect((!data.empty() || ended) && answered_.contains(stream.id()));
    if (stream.id() % 3 == 0) session_.consume(stream, data.size());
    if (stream.id() % 11 == 10) release(&stream);
  }
  void on_trailers(Stream& stream, bool) override {
    hear(stream);
    expect(answered_.contains(stream.id()));
  }
  void on_reset(Stream& stream, ErrorCode, const char*) override {
    hear(stream);
    expect(stream.closed());
    if (stream.id() % 3 == 0) release(&stream);
  }
  void on_stream_writable(Stream& stream) override { hear(stream); }
  void on_settings() override { expect(!ended_); }
  void on_goaway(const Goaway&) override { expect(!ended_); }
  void on_ping_ack(ByteSpan) override { expect(!ended_); }
  void on_drained() override { expect(!ended_ && !std::exchange(drained_, true)); }
  void on_connection_error(ErrorCode code, const char* why) override {
    expect(!ended_ && code != ErrorCode::kNoError && code != ErrorCode::kInternalError && why[0] != '\0');
    ended_ = true;
  }
  // Sink
  std::uint8_t* append(std::size_t size) override {
    out_.emplace_back(size);
    appended_ += size;
    return out_.back().data();
  }
  bool backlogged() const override { return backlogged_; }
  std::uint64_t appended_total() const override { return appended_; }
  std::uint64_t written_total() const override { return written_; }

 private:
  void hear(Stream& stream) { expect(!ended_ && held_.contains(stream.id()) && held_[stream.id()] == &stream); }
  /// As an application does: what has not ended is reset first.
  void release(Stream* stream) {
    held_.erase(stream->id());
    session_.reset(*stream, ErrorCode::kCancel);
    session_.release(*stream);
  }
  std::int64_t& window_of(std::uint32_t id) { return windows_.emplace(id, initial_).first->second; }

  /// At what has been written since.
  void look() {
    for (const auto& piece : out_) {
      for (ByteSpan rest = ByteSpan(piece).subspan(std::exchange(skip_, 0)); !rest.empty();) {
        expect(rest.size() >= kFrameHeadBytes);
        const auto head = read_frame_head(rest.data());
        expect(!check_frame_head(head, kDefaultMaxFrameBytes) && rest.size() >= head.frame_bytes());
        if (head.is(FrameType::kData)) {
          connection_ -= head.length;
          window_of(head.stream) -= head.length;
          expect(head.length == 0 || (connection_ >= 0 && window_of(head.stream) >= 0));
        }
        rest = rest.subspan(head.frame_bytes());
      }
    }
    out_.clear();
    expect(session_.closed() == ended_ && session_.room() <= 8);
    expect(session_.queued_bytes() <= held_.size() * (4096 + 40960));
  }

  const Options options_ = options();
  Resources resources_;
  rocket::SteadyMs now_ = 1000;
  Bytes block_{0x83, 0x86, 0x84};
  Bytes pending_;
  std::vector<Bytes> out_;
  std::size_t skip_ = 0;
  std::uint64_t appended_ = 0;
  std::uint64_t written_ = 0;
  bool backlogged_ = false;
  bool ended_ = false;
  bool drained_ = false;
  std::map<std::uint32_t, Stream*> held_;
  std::map<std::uint32_t, bool> answered_;
  std::int64_t connection_ = kDefaultWindow;
  std::int64_t initial_ = kDefaultWindow;
  std::map<std::uint32_t, std::int64_t> windows_;
  ClientSession session_{options_, resources_, *this, *this};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Driver driver;
  run_script(
      {data, size},
      [&](std::uint8_t what, std::uint8_t which, std::uint8_t much) { driver.application_does(what, which, much); },
      [](std::uint8_t what, std::uint8_t type, ByteSpan content) {
        Bytes payload;
        if (type == 1 && what < 64) payload.push_back(0x88);  // a good response, with what the fuzzer adds
        payload.insert(payload.end(), content.begin(), content.end());
        if (type == 0 && what < 32) payload.resize(payload.size() * 60);
        if (type == 6 && what < 64) payload.assign({'r', 'o', 'c', 'k', 'e', 't', 0, 2});
        return payload;
      },
      [&](const Bytes& frame) {
        driver.note_frame(frame);
        driver.server_says(frame);
      });
  return 0;
}
