// A session of a server between a peer and an application, both driven by the fuzzer, behind a valid preface. What has
// to hold whatever they do: no more DATA than the peer's windows admit, bounded memory, only whole and valid frames
// written, nothing heard after the end of a stream, a connection, or a release.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "h2/server_session.h"
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
  options.connection_window = kDefaultWindow;
  options.max_header_list_bytes = 512;
  options.max_stream_queue_bytes = 4096;
  options.resets.burst = 40;
  options.glitches.burst = 200;
  options.max_control_frames = 50;
  return options;
}

/// The peer's idea of the windows, kept from the frames that both sides have written.
struct Windows {
  std::int64_t connection = kDefaultWindow;
  std::int64_t initial = kDefaultWindow;
  std::map<std::uint32_t, std::int64_t> streams;
};

class Driver : public ServerHandler, public Sink {
 public:
  Driver() {
    session_.start(now_);
    Bytes opening(kPreface.begin(), kPreface.end());
    const std::uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    opening.insert(opening.end(), std::begin(settings), std::end(settings));
    peer_says(opening);
  }
  ~Driver() {
    session_.close();
    while (!held_.empty()) release(held_.begin()->second);
  }

  void peer_says(const Bytes& bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    // A copy of exactly what is there, so that AddressSanitizer sees the first byte read past it.
    const Bytes exact(pending_);
    now_ += 1;
    in_ = exact;
    const auto fed = session_.feed(exact, now_);
    in_ = {};
    expect(fed.consumed <= exact.size());
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(fed.consumed));
    expect(fed.frame_bytes == 0 || fed.frame_bytes > pending_.size());
    expect(pending_.size() < kFrameHeadBytes + kDefaultMaxFrameBytes);
    look();
  }
  /// Before the session sees it: what it may then send more.
  void note_peer_frame(ByteSpan frame) {
    const auto head = read_frame_head(frame.data());
    const auto payload = frame.subspan(kFrameHeadBytes);
    if (head.is(FrameType::kWindowUpdate) && payload.size() == 4) {
      const auto by = load_be32(payload.data()) & kMaxWindow;
      if (head.stream == 0) windows_.connection += by;
      if (head.stream != 0) window_of(head.stream) += by;
    }
    if (head.is(FrameType::kSettings) && !head.has(kAck)) {
      for (std::size_t at = 0; at + kSettingBytes <= payload.size(); at += kSettingBytes) {
        const std::int64_t value = load_be32(payload.data() + at + 2);
        if (payload[at] != 0 || payload[at + 1] != 4) continue;
        for (auto& [id, window] : windows_.streams) window += value - windows_.initial;
        windows_.initial = value;
      }
    }
  }
  void application_does(std::uint8_t what, std::uint8_t which, std::uint8_t size) {
    static const Bytes body(20000, 'b');
    if (what % 16 == 15) session_.begin_shutdown();
    if (what % 16 == 14) session_.finish_shutdown();
    if (what % 16 == 13) backlogged_ = !backlogged_;
    if (what % 16 == 12) written_ = appended_;
    if (what % 16 == 11) session_.stalled_since(now_);
    if (what % 16 == 10) now_ += size * 1000;
    if (!backlogged_) session_.on_writable();
    if (!held_.empty() && what % 16 < 10) {
      auto& stream = *std::next(held_.begin(), which % static_cast<int>(held_.size()))->second;
      const ByteSpan bytes = ByteSpan(body).first(std::min<std::size_t>(size * 80, body.size()));
      if (what % 16 == 0) session_.send_headers(stream, block_, false);
      if (what % 16 == 1) session_.send_headers(stream, block_, true);
      if (what % 16 == 2) session_.send_data(stream, bytes.first(std::min<std::size_t>(5, bytes.size())), bytes, false);
      if (what % 16 == 3) session_.send_data(stream, {}, bytes, true);
      if (what % 16 == 4) session_.reply(stream, block_, bytes.first(0), bytes, block_);
      if (what % 16 == 5) session_.reset(stream, ErrorCode::kCancel);
      if (what % 16 == 6) session_.consume(stream, size * 100);
      if (what % 16 >= 7) release(&stream);
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
  bool keep_block() override {
    has_kept_ = true;
    return true;
  }
  void on_kept_block() override { expect(!ended_ && has_kept_); }
  void on_request(Stream& stream, Opening) override {
    hear(stream, true);
    expect(stream.id() > newest_ && (stream.id() & 1) == 1 && !stream.closed());
    newest_ = stream.id();
    if (stream.id() % 5 == 1) {
      // From inside, as the application answers what it refuses.
      session_.reply(stream, block_, {}, ByteSpan(), block_);
      if (stream.id() % 3 == 1) release(&stream);
    }
  }
  void on_data(Stream& stream, ByteSpan data, bool ended) override {
    hear(stream, false);
    expect(!data.empty() || ended);
    expect(data.empty() || (data.data() >= in_.data() && data.data() + data.size() <= in_.data() + in_.size()));
    if (stream.id() % 3 == 0) session_.consume(stream, data.size());
    if (stream.id() % 11 == 10) release(&stream);
  }
  void on_trailers(Stream& stream, bool) override { hear(stream, false); }
  void on_reset(Stream& stream, ErrorCode, const char*) override {
    hear(stream, false);
    expect(stream.closed());
    if (stream.id() % 3 == 0) release(&stream);
  }
  void on_stream_writable(Stream& stream) override {
    hear(stream, false);
    expect(stream.queued_bytes() == 0);
    if (stream.id() % 7 == 0) session_.send_data(stream, {}, ByteSpan(in_), stream.id() % 2 == 0);
  }
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
  void hear(Stream& stream, bool first) {
    expect(!ended_);
    expect(first ? held_.emplace(stream.id(), &stream).second : held_[stream.id()] == &stream);
  }
  void release(Stream* stream) {
    held_.erase(stream->id());
    session_.release(*stream);
  }
  std::int64_t& window_of(std::uint32_t id) { return windows_.streams.emplace(id, windows_.initial).first->second; }

  /// At what has been written since.
  void look() {
    for (const auto& piece : out_) {
      for (ByteSpan rest(piece); !rest.empty();) {
        expect(rest.size() >= kFrameHeadBytes);
        const auto head = read_frame_head(rest.data());
        expect(!check_frame_head(head, kDefaultMaxFrameBytes) && rest.size() >= head.frame_bytes());
        expect(!goaway_);
        if (head.is(FrameType::kData)) {
          windows_.connection -= head.length;
          window_of(head.stream) -= head.length;
          expect(head.length == 0 || (windows_.connection >= 0 && window_of(head.stream) >= 0));
        }
        if (head.is(FrameType::kGoaway)) goaway_ = load_be32(rest.data() + 13) != 0;
        rest = rest.subspan(head.frame_bytes());
      }
    }
    out_.clear();
    expect(goaway_ == ended_ && session_.closed() == ended_);
    expect(session_.stream_count() <= 8);
    expect(session_.queued_bytes() <= 8 * (4096 + 20480));
  }

  const Options options_ = options();
  Resources resources_;
  rocket::SteadyMs now_ = 1000;
  Bytes block_{0x88};
  Bytes pending_;
  ByteSpan in_;
  std::vector<Bytes> out_;
  std::uint64_t appended_ = 0;
  std::uint64_t written_ = 0;
  bool backlogged_ = false;
  bool has_kept_ = false;
  bool ended_ = false;
  bool goaway_ = false;
  bool drained_ = false;
  std::uint32_t newest_ = 0;
  std::map<std::uint32_t, Stream*> held_;
  Windows windows_;
  ServerSession session_{options_, resources_, *this, *this};
};

/// A header block that is a good request, with what the fuzzer adds.
Bytes request(ByteSpan more) {
  Bytes block{0x83, 0x86, 0x84};
  block.insert(block.end(), more.begin(), more.end());
  return block;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Driver driver;
  run_script(
      {data, size},
      [&](std::uint8_t what, std::uint8_t which, std::uint8_t much) { driver.application_does(what, which, much); },
      [](std::uint8_t what, std::uint8_t type, ByteSpan content) {
        Bytes payload(content.begin(), content.end());
        if (type == 1 && what < 64) payload = request(content);
        if (type == 0 && what < 32) payload.resize(payload.size() * 60);
        return payload;
      },
      [&](const Bytes& frame) {
        driver.note_peer_frame(frame);
        driver.peer_says(frame);
      });
  return 0;
}
