// Servers as a peer finds them: the first bytes, then TinyPB, or HTTP/2 and gRPC, on a real io thread behind a real
// socket, and a JavaScript thread that is played here. The peer and JavaScript do what the input says, a step at a
// time: nobody goes on before all threads have come to rest, so that an input is the same each time. Whatever they do:
// JavaScript hears of a call in order, only frames that a peer can read are written, and no call, connection or byte is
// left over.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "grpc/protocol.h"
#include "h2/frame.h"
#include "h2/hpack_decoder.h"
#include "h2/hpack_encoder.h"
#include "session_script.h"
#include "support/js_side.h"
#include "support/on_io.h"
#include "tinypb/frame.h"
#include "tinypb/protocol.h"

namespace {

using namespace rocket;
using test::Bytes;
using test::EventView;
using test::JsSide;
using test::RawPeer;

void expect(bool holds) {
  if (!holds) std::abort();
}

void append(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// What the peer says.
enum class Speaks : std::uint8_t { kHttp2, kTinyPb, kAnything };

void append_frame(Bytes& out, h2::FrameType type, std::uint8_t flags, std::uint32_t stream, ByteSpan payload) {
  const std::size_t at = out.size();
  out.resize(at + h2::kFrameHeadBytes);
  h2::write_frame_head(out.data() + at, payload.size(), type, flags, stream);
  append(out, payload);
}

/// A header block of a call that is good but for what the fuzzer adds.
Bytes request_block(std::uint8_t which, ByteSpan more) {
  static const std::string paths[] = {"/Echo/echo", "/Echo/echo", "/Echo/none", "/grpc.health.v1.Health/Check",
                                      "/grpc.health.v1.Health/Watch"};
  std::vector<std::pair<std::string, std::string>> fields = {
      {":method", "POST"}, {":scheme", "http"}, {":path", paths[which % 5]}, {"content-type", "application/grpc"}};
  if ((which & 0x20) != 0) fields.emplace_back("grpc-timeout", (which & 0x40) != 0 ? "99999999H" : "5S");
  if ((which & 0x80) != 0) fields.emplace_back("grpc-encoding", (which & 0x40) != 0 ? "gzip" : "none");
  Bytes block;
  for (const auto& [name, value] : fields) {
    const std::size_t at = block.size();
    block.resize(at + h2::literal_bound(name, value));
    block.resize(static_cast<std::size_t>(h2::write_literal(block.data() + at, name, value) - block.data()));
  }
  append(block, more);
  return block;
}

/// One frame, with a head that is mostly right.
void append_http2_step(FuzzInput& input, std::uint8_t what, Bytes& out) {
  const auto flags = input.byte();
  const std::uint32_t stream = input.byte() % 40;
  const auto content = input.take(input.byte());
  Bytes payload(content.begin(), content.end());
  std::uint8_t type = what % 16 < 12 ? what % 16 % 11 : 1;
  if (what >= 192) {
    // A message of gRPC, or a part of one.
    type = 0;
    Bytes message(5);
    message[0] = what % 16 == 15 ? 1 : 0;
    store_be32(message.data() + 1, static_cast<std::uint32_t>(payload.size() * (what % 4 == 3 ? 40 : 1)));
    append(message, payload);
    payload = std::move(message);
  } else if (type == 1 && what < 160) {
    payload = request_block(flags ^ what, content);
  }
  if (type == 0 && what < 32) payload.resize(payload.size() * 60);
  append_frame(out, static_cast<h2::FrameType>(type), flags, stream, payload);
}

/// One frame, whole or cut off, or bytes that are none.
void append_tinypb_step(FuzzInput& input, std::uint8_t what, Bytes& out) {
  static const std::string methods[] = {"Echo.echo", "Echo.none", "rocket.health.v1.Health.check", "echo"};
  const auto flags = input.byte();
  const std::string id(1 + flags % 4, static_cast<char>('a' + flags % 7));
  const auto content = input.take(input.byte());
  if (what % 16 == 15) return append(out, content);
  const tinypb::FrameHead head{id, methods[what % 16 < 10 ? 0 : what % 4], (flags & 0x40) != 0 ? 5000 : 0,
                               (flags & 0x20) != 0 ? as_text(content) : std::string_view()};
  Bytes body(content.begin(), content.end());
  if (what % 16 == 14) body.resize(body.size() * 60);
  Bytes frame = test::make_frame(head, body, (flags & 0x80) != 0);
  if (what % 16 == 13) frame.resize(frame.size() - std::min<std::size_t>(frame.size(), flags));
  append(out, frame);
}

/// Looks at what the server writes.
class Reader {
 public:
  explicit Reader(Speaks speaks) : speaks_(speaks) {}

  void take(ByteSpan bytes) {
    append(pending_, bytes);
    if (speaks_ == Speaks::kAnything) pending_.clear();
    while (!pending_.empty()) {
      const std::size_t taken = speaks_ == Speaks::kHttp2 ? take_http2() : take_tinypb();
      if (taken == 0) return;
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(taken));
    }
  }

 private:
  std::size_t take_http2() {
    if (pending_.size() < h2::kFrameHeadBytes) return 0;
    const auto head = h2::read_frame_head(pending_.data());
    expect(!h2::check_frame_head(head, h2::kDefaultMaxFrameBytes) && !failed_);
    if (pending_.size() < head.frame_bytes()) return 0;
    const auto payload = ByteSpan(pending_).subspan(h2::kFrameHeadBytes, head.length);
    if (head.is(h2::FrameType::kHeaders)) {
      expect(head.has(h2::kEndHeaders));  // none is so long here
      const auto take = [](const h2::Field& field) {
        expect(field.good_value && field.tag != h2::Tag::kMalformed);
        return true;
      };
      expect(decoder_.decode(payload, scratch_, take) == h2::HpackError::kNone);
    }
    if (head.is(h2::FrameType::kGoaway)) failed_ = h2::read_goaway(payload).code != h2::ErrorCode::kNoError;
    return head.frame_bytes();
  }
  std::size_t take_tinypb() {
    // A peer that says something else, by what the fuzzer has made of it, is answered in that.
    if (pending_.front() != tinypb::kStartByte) return pending_.size();
    const auto length = tinypb::peek_length(pending_, 1 << 20);
    expect(length.error == tinypb::DecodeError::kNone);
    if (length.bytes == 0 || pending_.size() < length.bytes) return 0;
    tinypb::FrameView view;
    expect(tinypb::decode(ByteSpan(pending_).first(length.bytes), view) == tinypb::DecodeError::kNone);
    return length.bytes;
  }

  const Speaks speaks_;
  Bytes pending_;
  bool failed_ = false;
  h2::HpackDecoder decoder_;
  h2::HpackScratch scratch_;
};

/// The servers, one for each kind of method, which live as long as the process.
class World {
 public:
  World() : ios_(js_.io_threads(1)) {
    rpc::ServerOptions options;
    options.protocols = {&tinypb::kProtocol, &grpc::kProtocol};
    options.max_calls_per_connection = 8;
    options.max_calls = 16;
    options.max_message_bytes = 4096;
    options.max_metadata_bytes = 1024;
    options.connection.max_write_queue_bytes = 8192;
    options.connection.max_frame_bytes = 8192;
    options.log = [](std::string_view) {};
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      servers_[kind] = js_.add_server(options, {"Echo.echo"}, static_cast<rpc::MethodKind>(kind));
      addresses_[kind] = js_.listen(*servers_[kind]);
    }
    js_.on_request = [this](const EventView& event) { on_request(event); };
    js_.on_stream = [this](const EventView& event) { on_stream(event); };
    js_.on_abort = [this](const EventView& event) {
      if (calls_.erase({event.id_low, event.id_high}) == 1) js_.end(event.id_low, event.id_high);
    };
  }

  void run(FuzzInput& input) {
    const auto begin = input.byte();
    const std::size_t kind = begin % kKinds;
    streams_ = static_cast<rpc::MethodKind>(kind) != rpc::MethodKind::kUnary;
    const auto speaks = static_cast<Speaks>(begin / kKinds % 3);
    script_ = input.take(input.byte());
    RawPeer peer(addresses_[kind]);
    expect(test::eventually(ios_, [&] { return servers_[kind]->gauges.open.load() == 1; }));
    Reader reader(speaks);
    Bytes out;
    if (speaks == Speaks::kHttp2) {
      append(out, as_bytes(h2::kPreface));
      append_frame(out, h2::FrameType::kSettings, 0, 0, {});
    }
    for (int steps = 0; !input.empty() && steps < 60; ++steps) {
      const auto what = input.byte();
      if (speaks == Speaks::kHttp2) append_http2_step(input, what, out);
      if (speaks == Speaks::kTinyPb) append_tinypb_step(input, what, out);
      if (speaks == Speaks::kAnything) append(out, input.take(what));
      // What is sent together is often read together.
      if (out.size() % 3 == 0) send(peer, reader, out);
    }
    send(peer, reader, out);
    end(*servers_[kind], peer, reader);
  }

 private:
  using Id = std::pair<std::uint32_t, std::uint32_t>;
  struct Call {
    bool streams = false;  ///< messages, and their end, may come
  };
  static constexpr std::size_t kKinds = 4;

  void send(RawPeer& peer, Reader& reader, Bytes& out) {
    peer.send(out);
    out.clear();
    settle(peer, reader);
  }

  /// Until nobody has anything left to do.
  void settle(RawPeer& peer, Reader& reader) {
    for (int idle = 0; idle < 2; ++idle) {
      // Twice, as a thread may do one thing in a turn.
      for (int turns = 0; turns < 2; ++turns) test::on_io(*ios_.back(), [] {});
      if (js_.inbox().depth().events > 0) {
        int looks = 0;
        expect(js_.pump_until([&] { return looks++ > 0; }));
        idle = 0;
      }
      js_.flush();
      if (read(peer, reader)) idle = 0;
    }
  }
  static bool read(RawPeer& peer, Reader& reader) {
    std::uint8_t some[16384];
    const auto got = ::recv(peer.fd(), some, sizeof some, MSG_DONTWAIT);
    if (got <= 0) return false;
    reader.take({some, static_cast<std::size_t>(got)});
    return true;
  }

  /// Some answer all, and some leave the end of their calls to that of the connection.
  void end(rpc::Server& server, RawPeer& peer, Reader& reader) {
    const bool answers = script_.size() % 2 == 0;
    if (answers) {
      for (const auto& [id, call] : std::exchange(calls_, {})) js_.reply(id.first, id.second, {});
      settle(peer, reader);
      ::shutdown(peer.fd(), SHUT_WR);
      settle(peer, reader);
    }
    peer.reset();
    expect(test::eventually(ios_, [&] {
      int looks = 0;
      if (js_.inbox().depth().events > 0) js_.pump_until([&] { return looks++ > 0; });
      js_.flush();
      // The gauges of a connection do not all change at once.
      return server.gauges.open.load() == 0 && server.gauges.queued_bytes.load() == 0 &&
             server.gauges.partial_bytes.load() == 0 && server.calls.in_flight() == 0 && calls_.empty();
    }));
  }

  std::uint8_t next_of_script() {
    if (script_.empty()) return 0;
    const auto first = script_[0];
    script_ = script_.subspan(1);
    return first;
  }

  void on_request(const EventView& event) {
    const Id id{event.id_low, event.id_high};
    expect(calls_.emplace(id, Call{(event.flags & rpc::event_flag::kOpen) != 0}).second);
    act(id);
  }
  void on_stream(const EventView& event) {
    const Id id{event.id_low, event.id_high};
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;  // it has crossed the end of its call
    expect(event.kind == rpc::EventKind::kRoom || found->second.streams);
    if (event.kind == rpc::EventKind::kHalfClose) found->second.streams = false;
    const bool reads = script_.size() % 5 != 0;
    if (event.kind == rpc::EventKind::kMessage && reads) js_.taken(id.first, id.second, event.payload.size() + 5);
    act(id);
  }
  /// What a handler may do next.
  void act(const Id& id) {
    static const Bytes body(20'000, 'b');
    const auto what = next_of_script();
    const ByteSpan some = ByteSpan(body).first(static_cast<std::size_t>(what >> 4) * 1300);
    switch (what % 8) {
      case 0: js_.reply(id.first, id.second, some); break;
      case 1:
        js_.fail_with(id.first, id.second, {rpc::Code::kInternal}, "failed", std::string_view("\0a\0b\0", 5));
        break;
      case 2:
        if (!streams_) return;
        js_.message(id.first, id.second, some);
        return;
      case 3: js_.headers(id.first, id.second, std::string_view("\0key\0value\0", 11)); return;
      case 4:
        if (!streams_) return;
        js_.message(id.first, id.second, some);
        js_.finish(id.first, id.second);
        js_.end(id.first, id.second);
        break;
      case 5: js_.end(id.first, id.second); break;
      default: return;  // it takes its time
    }
    calls_.erase(id);
  }

  JsSide js_;
  const std::vector<io::IoThread*> ios_;
  std::shared_ptr<rpc::Server> servers_[kKinds];
  std::string addresses_[kKinds];
  std::map<Id, Call> calls_;  ///< that JavaScript has not ended
  bool streams_ = false;      ///< their answers
  ByteSpan script_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  FuzzInput input({data, size});
  world.run(input);
  return 0;
}
