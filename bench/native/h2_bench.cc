// Unary calls through an HTTP/2 session, without sockets: request frames in, reply frames out.
// rocket_h2_bench [rounds] [calls of a round]: one JSON object, nanoseconds a call of each round.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <vector>

#include "h2/hpack_encoder.h"
#include "h2/server_session.h"

namespace {

using namespace rocket::h2;
using rocket::ByteSpan;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kBodyBytes = 105;  ///< a message of 100 bytes, and what gRPC writes before it
constexpr std::size_t kReadBytes = 65536;

void add_literal(Bytes& block, std::string_view name, std::string_view value, bool indexed = false) {
  const std::size_t begin = block.size();
  block.resize(begin + literal_bound(name, value));
  const auto* end = write_literal(block.data() + begin, name, value);
  block.resize(static_cast<std::size_t>(end - block.data()));
  if (indexed) block[begin] = 0x40;
}

/// Answers each request at its end, into a buffer that nobody reads.
class Application : public ServerHandler, public Sink {
 public:
  Application() {
    headers_.push_back(0x80 | kIndexStatus200);
    add_literal(headers_, "content-type", "application/grpc");
    add_literal(headers_, "grpc-accept-encoding", "identity,deflate,gzip");
    add_literal(trailers_, "grpc-status", "0");
  }
  void on_block() override {}
  void on_field(const Field& field) override { seen += field.value.size(); }
  void on_request(Stream&, Opening) override {}
  void on_data(Stream& stream, ByteSpan data, bool ended) override {
    session->consume(stream, data.size());
    if (!ended) return;
    const ByteSpan body(body_);
    session->reply(stream, headers_, body.first(5), body.subspan(5), trailers_);
    session->release(stream);
    ++answered;
  }
  void on_trailers(Stream&, bool) override {}
  void on_reset(Stream& stream, ErrorCode, const char*) override { session->release(stream); }
  void on_stream_writable(Stream&) override {}
  void on_goaway(const Goaway&) override {}
  void on_ping_ack(ByteSpan) override {}
  void on_drained() override {}
  void on_connection_error(ErrorCode code, const char* why) override {
    std::fprintf(stderr, "%s: %s\n", name_of(code), why);
    std::exit(1);
  }
  std::uint8_t* append(std::size_t size) override {
    if (used_ + size > out_.size()) used_ = 0;
    used_ += size;
    appended_ += size;
    return out_.data() + used_ - size;
  }
  bool backlogged() const override { return false; }
  std::uint64_t appended_total() const override { return appended_; }
  std::uint64_t written_total() const override { return appended_; }

  ServerSession* session = nullptr;
  std::uint64_t answered = 0;
  std::uint64_t seen = 0;

 private:
  Bytes headers_;
  Bytes trailers_;
  Bytes body_ = Bytes(kBodyBytes, 'b');
  Bytes out_ = Bytes(1 << 20);
  std::size_t used_ = 0;
  std::uint64_t appended_ = 0;
};

/// What a gRPC client sends, with the fields of its first call in the table afterwards.
class Client {
 public:
  static Bytes opening() {
    Bytes out(kPreface.begin(), kPreface.end());
    out.resize(out.size() + kFrameHeadBytes);
    write_frame_head(out.data() + kPreface.size(), 0, FrameType::kSettings, 0, 0);
    return out;
  }
  void call(Bytes& out) {
    static const Bytes later{0x83, 0x86, 0xc4, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0x0f, 62 - 15, 5, '4', '9', '9', '8', 'm'};
    const Bytes block = next_id_ == 1 ? first_block() : later;
    add_frame(out, FrameType::kHeaders, kEndHeaders, block);
    add_frame(out, FrameType::kData, kEndStream, Bytes(kBodyBytes, 'q'));
    next_id_ += 2;
  }

 private:
  static Bytes first_block() {
    Bytes block{0x83, 0x86};
    add_literal(block, ":path", "/grpc.testing.TestService/UnaryCall", true);
    add_literal(block, ":authority", "127.0.0.1:50051", true);
    add_literal(block, "te", "trailers", true);
    add_literal(block, "content-type", "application/grpc", true);
    add_literal(block, "user-agent", "grpc-node-js/1.14.0", true);
    add_literal(block, "grpc-accept-encoding", "identity,deflate,gzip", true);
    add_literal(block, "grpc-timeout", "4999m", true);
    return block;
  }
  void add_frame(Bytes& out, FrameType type, std::uint8_t flags, const Bytes& payload) const {
    std::uint8_t head[kFrameHeadBytes];
    write_frame_head(head, payload.size(), type, flags, next_id_);
    out.insert(out.end(), std::begin(head), std::end(head));
    out.insert(out.end(), payload.begin(), payload.end());
  }
  std::uint32_t next_id_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const int calls = argc > 2 ? std::atoi(argv[2]) : 200'000;
  const Options options;
  Resources resources;
  Application application;
  ServerSession session(options, resources, application, application);
  application.session = &session;
  session.start(0);
  session.feed(Client::opening(), 0);
  Client client;
  std::printf("{\"calls\":%d,\"nsPerCall\":[", calls);
  for (int round = 0; round < rounds; ++round) {
    Bytes input;
    for (int i = 0; i < calls; ++i) client.call(input);
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < input.size();) {
      const auto answered = application.answered;
      at += session.feed(ByteSpan(input).subspan(at, std::min(kReadBytes, input.size() - at)), round).consumed;
      std::uint8_t update[kWindowUpdateBytes];
      write_window_update(update, 0, static_cast<std::uint32_t>((application.answered - answered) * kBodyBytes));
      session.feed(update, round);
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    std::printf("%s%.1f", round > 0 ? "," : "", std::chrono::duration<double, std::nano>(took).count() / calls);
  }
  std::printf("]}\n");
  return application.seen > 0 ? 0 : 1;
}
