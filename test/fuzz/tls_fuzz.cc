// Our TLS stream, as server and as client, and OpenSSL's own at the other end, with the fuzzer between them and on both
// sides of it: it delivers in pieces, changes, drops, repeats and adds bytes, ends the connection, and says when each
// side writes. What has to hold whatever it does: no side reads anything but what the other wrote, in that order; a
// peer that is not believed never gets past the handshake; nothing is held for ever, or grows without bound; an end is
// final.
#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "support/test_identity.h"
#include "tls/stream.h"

namespace {

using namespace rocket;
using Bytes = std::vector<std::uint8_t>;
using Next = io::ByteStream::Next;
using test::Identity;

void expect(bool holds) {
  if (!holds) std::abort();
}

/// Every input is the same each time.
std::uint32_t state = 1;
int fill(unsigned char* into, int size) {
  for (int i = 0; i < size; ++i) {
    state = state * 1664525U + 1013904223U;
    into[i] = static_cast<unsigned char>(state >> 24);
  }
  return 1;
}
int is_ready() { return 1; }
const RAND_METHOD not_random{nullptr, &fill, nullptr, nullptr, &fill, &is_ready};

struct Input {
  const std::uint8_t* data;
  std::size_t size;

  bool empty() const { return size == 0; }
  std::uint8_t take() {
    if (size == 0) return 0;
    --size;
    return *data++;
  }
  ByteSpan take(std::size_t count) {
    const std::size_t here = std::min(count, size);
    const ByteSpan taken(data, here);
    data += here;
    size -= here;
    return taken;
  }
};

const Identity& stranger() {
  static const Identity made = test::make_identity("localhost");
  return made;
}

tls::ContextSettings settings_with(const Identity& identity, bool server) {
  tls::ContextSettings settings;
  settings.keys.push_back({tls::Secret(identity.key), tls::Secret()});
  settings.certificates.push_back(identity.certificate);
  settings.authorities.push_back(test::test_authority().certificate);
  if (server) settings.alpn = {"h2", "tinypb"};
  return settings;
}

std::shared_ptr<const tls::Context> context_of(bool server, bool asks) {
  static const auto make = [](bool of_server, bool that_asks) {
    auto settings = settings_with(test::test_server_identity(), of_server);
    if (of_server && !that_asks) settings.authorities.clear();
    auto made =
        of_server ? tls::Context::for_server(settings, {.ask = that_asks}) : tls::Context::for_client(settings, true);
    expect(std::holds_alternative<std::shared_ptr<const tls::Context>>(made));
    return std::get<std::shared_ptr<const tls::Context>>(made);
  };
  static const auto plain_server = make(true, false);
  static const auto asking_server = make(true, true);
  static const auto client = make(false, false);
  return !server ? client : asks ? asking_server : plain_server;
}

/// The socket under our stream.
class Wire final : public io::ByteStream {
 public:
  Moved read(std::span<std::uint8_t> into) override {
    expect(!into.empty());
    if (incoming.empty()) return {0, broken ? Next::kBroken : ended ? Next::kEnded : Next::kReadable};
    const std::size_t here = std::min(into.size(), incoming.size());
    std::copy_n(incoming.begin(), here, into.begin());
    incoming.erase(incoming.begin(), incoming.begin() + static_cast<std::ptrdiff_t>(here));
    return {here, Next::kAgain};
  }
  Moved write(std::span<const iovec> parts) override {
    if (broken) return {0, Next::kBroken};
    std::size_t taken = 0;
    for (const iovec& part : parts) {
      const std::size_t here = std::min(part.iov_len, room);
      const auto* at = static_cast<const std::uint8_t*>(part.iov_base);
      outgoing.insert(outgoing.end(), at, at + here);
      taken += here;
      room -= here;
      if (here < part.iov_len) return {taken, Next::kWritable};
    }
    return {taken, Next::kAgain};
  }
  void shutdown() override {}
  bool can_direct() const override { return true; }
  bool holds_input() const override { return false; }
  bool holds_output() const override { return false; }

  Bytes incoming;
  Bytes outgoing;
  std::size_t room = SIZE_MAX;
  bool ended = false;
  bool broken = false;
};

/// OpenSSL with memory for a socket.
class Peer {
 public:
  Peer(bool server, bool modern, bool shows, bool honest) : context_(SSL_CTX_new(TLS_method())) {
    const int version = modern ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    const Identity& identity = honest ? test::test_server_identity() : stranger();
    if (server || shows) {
      X509* certificate = test::read_certificate(identity.certificate);
      EVP_PKEY* key = test::read_key(identity.key);
      expect(SSL_CTX_use_certificate(context_, certificate) == 1 && SSL_CTX_use_PrivateKey(context_, key) == 1);
      X509_free(certificate);
      EVP_PKEY_free(key);
    }
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
    server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }
  ~Peer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }

  SSL* ssl() { return ssl_; }
  void hear(const Bytes& bytes) {
    if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    go_on();
  }
  void go_on() {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_) == 0) SSL_do_handshake(ssl_);
    std::uint8_t room[4096];
    int got = 0;
    while (SSL_is_init_finished(ssl_) != 0 && (got = SSL_read(ssl_, room, sizeof room)) > 0) {
      read.insert(read.end(), room, room + got);
    }
  }
  void say(std::size_t size) {
    if (SSL_is_init_finished(ssl_) == 0) return;
    Bytes text(size);
    for (std::uint8_t& byte : text) byte = static_cast<std::uint8_t>(wrote++);
    ERR_clear_error();
    if (SSL_write(ssl_, text.data(), static_cast<int>(size)) <= 0) wrote -= size;
  }
  Bytes take() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &data);
    Bytes taken(data, data + size);
    static_cast<void>(BIO_reset(SSL_get_wbio(ssl_)));
    return taken;
  }

  std::size_t wrote = 0;
  Bytes read;

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

class Driver : tls::Stream::Listener {
 public:
  explicit Driver(Input& input)
      : kind_(input.take()),
        peer_(!is_server(), (kind_ & 2) != 0, (kind_ & 4) != 0, (kind_ & 8) == 0),
        slot_(std::make_shared<tls::SessionSlot>()) {
    const auto context = context_of(is_server(), asks());
    const tls::ServerName name{"localhost", (kind_ & 32) != 0 ? "h2" : "", false, slot_};
    peer_.go_on();
    between_ = gather();
    if (!is_server()) {
      ours_ = tls::Stream::connect(io_, wire_, context, name);
    } else {
      // The preface has looked at the first bytes, at least at one.
      const std::size_t seen = std::min<std::size_t>(between_.size(), std::size_t{1} << (kind_ >> 5));
      ours_ = tls::Stream::accept(io_, wire_, context, *this, ByteSpan(between_).first(seen));
      drop(seen);
    }
    expect(ours_ != nullptr);
  }

  void run(Input& input) {
    while (!input.empty()) step(input);
    // Whatever has happened: it ends.
    wire_.ended = true;
    wire_.room = SIZE_MAX;
    for (int i = 0; i < 4; ++i) ours_goes_on();
    if (!finished_) expect(!ours_->holds_output());
  }

 private:
  bool is_server() const { return (kind_ & 1) != 0; }
  bool asks() const { return (kind_ & 16) != 0; }
  /// It cannot prove to be somebody that our side believes.
  bool is_believed() const {
    const bool honest = (kind_ & 8) == 0;
    if (!is_server()) return honest;
    return !asks() || ((kind_ & 4) != 0 && honest);
  }

  void on_secured(tls::Stream& stream) override { expect(stream.secured() && ++times_secured_ == 1); }

  void step(Input& input) {
    const std::uint8_t what = input.take();
    const std::size_t count = std::size_t{input.take()} * ((what & 0x80) != 0 ? 64 : 1);
    between_ = gather();
    switch (what & 15) {
      case 0: deliver(between_.size()); break;
      case 1: deliver(count); break;
      case 2:
        if (count < between_.size()) between_[count] ^= static_cast<std::uint8_t>(1U << ((what >> 4) & 7));
        break;
      case 3: drop(count); break;
      case 4: {
        const ByteSpan more = input.take(count);
        between_.insert(between_.begin(), more.begin(), more.end());
        break;
      }
      case 5: between_.insert(between_.begin(), last_.begin(), last_.end()); break;
      case 6: peer_.say(std::min<std::size_t>(count + 1, 16'384)); break;
      case 7: write(count + 1); break;
      case 8:
        ERR_clear_error();
        if (SSL_is_init_finished(peer_.ssl()) != 0) SSL_key_update(peer_.ssl(), (what & 16) != 0);
        peer_.say(1);
        break;
      case 9:
        ERR_clear_error();
        if (SSL_is_init_finished(peer_.ssl()) != 0) SSL_shutdown(peer_.ssl());
        break;
      case 10:
        ours_->shutdown();
        shut_ = true;
        break;
      case 11: wire_.room = count; break;
      case 12: wire_.room = SIZE_MAX; break;
      case 13: wire_.ended = (what & 16) != 0 || wire_.ended; break;
      case 14: wire_.broken = (what & 0x70) == 0x70 || wire_.broken; break;
      default: answer(); break;
    }
    ours_goes_on();
  }

  /// What the peer has sent and the fuzzer has not passed on.
  Bytes gather() {
    Bytes all = std::move(between_);
    const Bytes more = peer_.take();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void deliver(std::size_t count) {
    const auto end = between_.begin() + static_cast<std::ptrdiff_t>(std::min(count, between_.size()));
    last_.assign(between_.begin(), end);
    wire_.incoming.insert(wire_.incoming.end(), between_.begin(), end);
    between_.erase(between_.begin(), end);
    ours_goes_on();
    answer();
  }
  void drop(std::size_t count) {
    between_.erase(between_.begin(), between_.begin() + static_cast<std::ptrdiff_t>(std::min(count, between_.size())));
  }
  void answer() {
    const Bytes said = std::move(wire_.outgoing);
    wire_.outgoing.clear();
    peer_.hear(said);
    // Nothing that our side did not write, and in order.
    expect(peer_.read.size() <= wrote_);
    for (; seen_by_peer_ < peer_.read.size(); ++seen_by_peer_) {
      expect(peer_.read[seen_by_peer_] == static_cast<std::uint8_t>(seen_by_peer_ * 7));
    }
  }

  void write(std::size_t size) {
    if (finished_ || shut_) return;
    Bytes text(size);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>((wrote_ + i) * 7);
    const std::size_t half = size / 2;
    const iovec parts[] = {{text.data(), half}, {text.data() + half, size - half}};
    const auto moved = ours_->write(parts);
    expect(moved.bytes <= size);
    expect(moved.bytes == 0 || ours_->secured());
    wrote_ += moved.bytes;
    if (moved.next == Next::kBroken) finished_ = true;
  }

  void ours_goes_on() {
    io_.next_turn();
    if (!is_server() && !ours_->secured() && !finished_) {
      const Next next = ours_->handshake();
      if (next == Next::kBroken || next == Next::kInvalid || next == Next::kEnded) return end(next);
    } else {
      read_all();
      // As a connection does after it has read.
      if (!finished_ && ours_->holds_output() && ours_->write({}).next == Next::kBroken) finished_ = true;
    }
    expect(is_believed() || !ours_->secured());
    expect(ours_->secured() || read_ == 0);
  }

  void read_all() {
    std::uint8_t room[1000];
    for (int turns = 0;; ++turns) {
      // Each takes bytes from the wire, or gives some.
      expect(turns < 100'000);
      const auto moved = ours_->read(room);
      expect(moved.bytes <= sizeof room);
      expect(!finished_ || moved.bytes == 0);
      for (std::size_t i = 0; i < moved.bytes; ++i) expect(room[i] == static_cast<std::uint8_t>(read_++));
      expect(read_ <= peer_.wrote);
      if (moved.next == Next::kNextTurn) {
        io_.next_turn();
        continue;
      }
      if (moved.next == Next::kReadable) return;
      if (moved.next != Next::kAgain) return end(moved.next);
      if (moved.bytes == 0 && wire_.incoming.empty() && !ours_->holds_input()) return;
    }
  }
  void end(Next how) {
    expect(how == Next::kEnded || how == Next::kBroken || how == Next::kInvalid);
    if (how != Next::kEnded) {
      if (!wire_.broken) expect(!ours_->failure().empty());
      finished_ = true;
    }
  }

  const std::uint8_t kind_;
  io::IoThread io_;
  Wire wire_;
  Peer peer_;
  std::shared_ptr<tls::SessionSlot> slot_;
  std::unique_ptr<tls::Stream> ours_;
  Bytes between_;
  Bytes last_;
  std::size_t wrote_ = 0;
  std::size_t read_ = 0;
  std::size_t seen_by_peer_ = 0;
  int times_secured_ = 0;
  bool shut_ = false;
  bool finished_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static_cast<void>(test::test_server_identity());
  static_cast<void>(stranger());
  expect(RAND_set_rand_method(&not_random) == 1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  state = 1;
  Input input{data, size};
  Driver driver(input);
  driver.run(input);
  return 0;
}
