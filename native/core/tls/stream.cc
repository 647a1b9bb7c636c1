#include "tls/stream.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/thread_check.h"
#include "tls/failure.h"
#include "tls/socket_bio.h"

namespace rocket::tls {

namespace {

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t kRecordsAtOnce = 4;
constexpr std::size_t kSealedBytes = kRecordBytes + SSL3_RT_MAX_ENCRYPTED_OVERHEAD + SSL3_RT_HEADER_LENGTH;
/// Room for records, for messages that OpenSSL sends between them, and for the plain text of one record.
constexpr std::size_t kScratchBytes = (kRecordsAtOnce + 1) * kSealedBytes + kRecordBytes;
/// Reads of the socket in one read(), each of about one record: records without data must not occupy the thread.
constexpr unsigned kPulls = 4;
/// Calls of OpenSSL in one read(), each for at most one record: small records must not occupy the thread either.
constexpr unsigned kRecordsPerRead = 64;
/// Key updates, tickets, attempts to renegotiate and alerts that received bytes have not paid for. An honest peer sends
/// one now and then.
constexpr unsigned kMostIdleRecords = 32;
/// Received bytes that pay for one of them.
constexpr std::size_t kBytesPerIdleRecord = 256;
/// The limit for encrypted answers that are not sent yet. Only a peer that requests answers and does not read reaches
/// it.
constexpr std::size_t kMostHeld = 256 * 1024;

}  // namespace

std::unique_ptr<Stream> Stream::accept(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context,
                                       Listener& listener, ByteSpan begun) {
  std::unique_ptr<Stream> stream(new Stream(io, below, std::move(context), &listener, begun));
  if (stream->ssl_ == nullptr) return nullptr;
  SSL_set_accept_state(stream->ssl_.get());
  return stream;
}

Stream::Stream(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context, Listener* listener,
               ByteSpan begun)
    : io_(io),
      below_(&below),
      context_(std::move(context)),
      listener_(listener),
      ssl_(SSL_new(context_->get())),
      begun_(begun.begin(), begun.end()) {
  BIO* bio = BIO_new(socket_bio_method());
  if (ssl_ == nullptr || bio == nullptr || SSL_set_ex_data(ssl_.get(), 0, this) != 1) {
    ssl_.reset();
    BIO_free(bio);
    return;
  }
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
}

std::unique_ptr<Stream> Stream::connect(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context,
                                        const ServerName& server) {
  std::unique_ptr<Stream> stream(new Stream(io, below, std::move(context), nullptr, {}));
  if (stream->ssl_ == nullptr || !stream->ask_for(server)) return nullptr;
  SSL_set_connect_state(stream->ssl_.get());
  return stream;
}

bool Stream::ask_for(const ServerName& server) {
  SSL* ssl = ssl_.get();
  if (server.host.empty() && context_->verifies()) return false;
  in6_addr address;
  const bool is_ip =
      inet_pton(AF_INET, server.host.c_str(), &address) == 1 || inet_pton(AF_INET6, server.host.c_str(), &address) == 1;
  if (server.judge == nullptr && !server.host.empty() && !check_name(server.host, is_ip)) return false;
  if (!is_ip && !server.host.empty()) {
    if (SSL_set_tlsext_host_name(ssl, server.host.c_str()) != 1) return false;
  }
  if (!server.alpn.empty()) {
    const std::string list = static_cast<char>(server.alpn.size()) + server.alpn;
    const auto* bytes = reinterpret_cast<const unsigned char*>(list.data());
    if (SSL_set_alpn_protos(ssl, bytes, static_cast<unsigned int>(list.size())) != 0) return false;
  }
  sessions_ = server.sessions;
  if (sessions_ != nullptr && sessions_->session != nullptr) {
    // A ticket is used once: if it were used twice, an observer could see that both connections are of the same client.
    const Owned<SSL_SESSION> session = std::move(sessions_->session);
    offered_until_ = sessions_->until;
    if (sessions_->context == context_ && unix_now() < offered_until_) SSL_set_session(ssl, session.get());
    sessions_->context.reset();
  }
  return true;
}

bool Stream::check_name(const std::string& host, bool is_ip) {
  if (is_ip) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str()) == 1;
  SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return SSL_set1_host(ssl_.get(), host.c_str()) == 1;
}

bool Stream::keep_session(SSL_SESSION* session) {
  if (sessions_ == nullptr || SSL_SESSION_is_resumable(session) != 1) return false;
  sessions_->session.reset(session);
  sessions_->context = context_;
  const bool goes_on = SSL_session_reused(ssl_.get()) == 1;
  sessions_->until = goes_on ? offered_until_ : std::min(checked_until(ssl_.get()), context_->revocations_until());
  return true;
}

io::ByteStream::Next Stream::handshake() {
  ROCKET_ON_IO_THREAD(io_);
  Next next = Next::kAgain;
  if (!secured_) {
    starved_ = false;
    pulls_left_ = kPulls;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    secured_ = result == 1;
    if (secured_) peer_.take(ssl_.get());
    if (!secured_) next = after(result);
  }
  const bool sent = send_held();  // also sends an alert
  if (lost_ && !is_broken()) take_alert();
  if (is_broken()) return broken_;
  return sent ? next : Next::kWritable;
}

Stream& Stream::of(const SSL* ssl) { return *static_cast<Stream*>(SSL_get_ex_data(ssl, 0)); }

std::string_view Stream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::size_t Stream::pull(std::span<std::uint8_t> into) {
  if (!begun_.empty()) {
    const std::size_t here = std::min(into.size(), begun_.size());
    std::memcpy(into.data(), begun_.data(), here);
    begun_.erase(begun_.begin(), begun_.begin() + static_cast<std::ptrdiff_t>(here));
    if (begun_.empty()) begun_.shrink_to_fit();
    return here;
  }
  // The socket has no more bytes; it is read again after the connection has waited for it.
  if (below_next_ != Next::kAgain || pulls_left_ == 0 || idle_records_ > kMostIdleRecords) return 0;
  --pulls_left_;
  if (!secured_ && into.size() < kRecordBytes) return pull_ahead(into);
  const Moved moved = below_->read(into);
  below_next_ = moved.next;
  return moved.bytes;
}

/// During a handshake OpenSSL 3.2 and newer asks for the head of each record, and then for the rest of it. Reading more
/// than that saves calls; and when a client's certificate is refused nothing it sent behind is left unread, for which
/// the kernel would send a reset that overtakes the alert.
std::size_t Stream::pull_ahead(std::span<std::uint8_t> into) {
  try {
    const auto room = io_.scratch(kScratchBytes).first(kRecordBytes);
    const Moved moved = below_->read(room);
    below_next_ = moved.next;
    const std::size_t here = std::min(into.size(), moved.bytes);
    std::copy_n(room.begin(), here, into.begin());
    begun_.assign(room.data() + here, room.data() + moved.bytes);
    return here;
  } catch (const std::bad_alloc&) {
    below_next_ = Next::kBroken;  // it must not pass through OpenSSL, which called us
    return 0;
  }
}

bool Stream::push(ByteSpan bytes) {
  if (!out_.empty()) {
    if (bytes.size() > out_.size() - out_size_) return false;
    std::memcpy(out_.data() + out_size_, bytes.data(), bytes.size());
    out_size_ += bytes.size();
    return true;
  }
  if (held_.size() + bytes.size() > kMostHeld) return false;
  try {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
  } catch (const std::bad_alloc&) {
    return false;  // no exception may pass through OpenSSL, which called us
  }
  return true;
}

void Stream::on_message(int type, ByteSpan bytes) {
  if (!secured_ || bytes.empty()) return;
  const bool is_idle = type == SSL3_RT_HEADER ? bytes[0] != SSL3_RT_APPLICATION_DATA
                       : type == SSL3_RT_HANDSHAKE
                           ? bytes[0] == SSL3_MT_KEY_UPDATE || bytes[0] == SSL3_MT_NEWSESSION_TICKET
                           : false;
  if (is_idle) ++idle_records_;
}

bool Stream::holds_input() const {
  if (ended_ || is_broken() || deferred_) return true;
  if (starved_) return false;
  return !begun_.empty() || SSL_has_pending(ssl_.get()) == 1;
}

io::ByteStream::Moved Stream::read(std::span<std::uint8_t> into) {
  ROCKET_ON_IO_THREAD(io_);
  if (is_broken()) return {0, broken_};
  if (ended_) return {0, Next::kEnded};
  starved_ = false;
  pulls_left_ = kPulls;
  if (!secured_) {
    const Next next = shake_hands();
    if (!secured_) return {0, next};
  }
  return decrypt(into);
}

io::ByteStream::Next Stream::shake_hands() {
  deferred_ = !io_.take_heavy_step();
  if (deferred_) return Next::kNextTurn;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return after(result);
  secured_ = true;
  peer_.take(ssl_.get());
  std::exchange(listener_, nullptr)->on_secured(*this);
  return Next::kAgain;
}

/// If any byte were enough, a peer could send as many of these records as it likes.
void Stream::pay_for_idle_records(std::size_t got) {
  if (idle_records_ == 0) return;
  paid_bytes_ += got;
  idle_records_ -= static_cast<unsigned>(std::min<std::size_t>(idle_records_, paid_bytes_ / kBytesPerIdleRecord));
  paid_bytes_ = idle_records_ == 0 ? 0 : paid_bytes_ % kBytesPerIdleRecord;
}

io::ByteStream::Moved Stream::decrypt(std::span<std::uint8_t> into) {
  std::size_t filled = 0;
  for (unsigned records = 0; filled < into.size() && records < kRecordsPerRead; ++records) {
    std::size_t got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &got);
    if (result != 1) {
      const Next next = after(result);
      // Bytes are returned first; the next call returns the event.
      return {filled, filled > 0 && next != Next::kReadable ? Next::kAgain : next};
    }
    filled += got;
    pay_for_idle_records(got);
    if (SSL_has_pending(ssl_.get()) != 1 && begun_.empty() && below_next_ == Next::kReadable) {
      below_next_ = Next::kAgain;
      return {filled, Next::kReadable};
    }
  }
  return {filled, Next::kAgain};
}

io::ByteStream::Next Stream::after(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      if (idle_records_ > kMostIdleRecords) return fail();
      starved_ = true;
      if (below_next_ == Next::kReadable) below_next_ = Next::kAgain;
      return Next::kReadable;
    case SSL_ERROR_ZERO_RETURN: ended_ = true; return Next::kEnded;
    default: return fail();
  }
}

io::ByteStream::Next Stream::fail() {
  failure_ = why();
  // Many peers close without close_notify. The data may be truncated then, so this is not an orderly end.
  const unsigned long error = ERR_peek_error();
  const bool flooded = idle_records_ > kMostIdleRecords;
  const bool lost = (error == 0 && !flooded) || ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  return broken_ = secured_ && lost ? Next::kBroken : Next::kInvalid;
}

/// The peer has closed the connection. What it sent before that is still in the socket: a client reads it
/// (Connection::on_broken_write), a server only looks for an alert, which tells why.
void Stream::lose() {
  if (is_broken() || std::exchange(lost_, true)) return;
  if (below_next_ == Next::kReadable) below_next_ = Next::kAgain;
  if (!secured_) {
    broken_ = Next::kBroken;
  } else if (SSL_is_server(ssl_.get()) == 1) {
    take_alert();
  }
}

/// The end: reads a record for the alert that it may be.
void Stream::take_alert() {
  broken_ = Next::kBroken;
  std::size_t got = 0;
  const auto room = io_.scratch(kScratchBytes).first(kRecordBytes);
  pulls_left_ = kPulls;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &got);
  if (result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL) fail();
}

bool Stream::send_held() {
  if (lost_) held_.clear();
  while (!held_.empty()) {
    const iovec part{held_.data(), held_.size()};
    const Moved moved = below_->write({&part, 1});
    if (moved.next == Next::kBroken) {
      lose();
      return false;
    }
    if (moved.bytes == held_.size()) {
      std::vector<std::uint8_t>().swap(held_);
      return true;
    }
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(moved.bytes));
    if (moved.next != Next::kAgain) return false;
  }
  return true;
}

io::ByteStream::Moved Stream::write(std::span<const iovec> parts) {
  ROCKET_ON_IO_THREAD(io_);
  const bool sent = send_held();
  if (is_broken()) return {0, broken_};
  if (lost_) return {0, Next::kBroken};
  if (!sent) return {0, Next::kWritable};
  if (!secured_) return {0, Next::kReadable};
  std::size_t taken = 0;
  if (parts.empty()) return {0, Next::kAgain};
  if (!encrypt(parts, taken)) return {taken, is_broken() ? broken_ : Next::kBroken};
  return {taken, held_.empty() ? Next::kAgain : Next::kWritable};
}

bool Stream::encrypt(std::span<const iovec> parts, std::size_t& taken) {
  const auto scratch = io_.scratch(kScratchBytes);
  const auto text = scratch.first(kRecordBytes);
  out_ = scratch.subspan(kRecordBytes);
  out_size_ = 0;
  std::size_t offset = 0;  // in the first part
  bool good = true;
  for (std::size_t records = 0; good && records < kRecordsAtOnce && !parts.empty(); ++records) {
    ByteSpan record;
    // Many small replies share a record; a large one is encrypted without copying its text.
    std::size_t gathered = 0;
    while (!parts.empty() && gathered < kRecordBytes) {
      const auto* at = static_cast<const std::uint8_t*>(parts.front().iov_base) + offset;
      const std::size_t here = std::min(parts.front().iov_len - offset, kRecordBytes - gathered);
      const bool alone = gathered == 0 && (here == kRecordBytes || parts.size() == 1);
      if (!alone) std::memcpy(text.data() + gathered, at, here);
      record = alone ? ByteSpan{at, here} : ByteSpan(text).first(gathered + here);
      gathered += here;
      offset += here;
      if (offset == parts.front().iov_len) {
        parts = parts.subspan(1);
        offset = 0;
      }
    }
    if (record.empty()) break;
    std::size_t wrote = 0;
    ERR_clear_error();
    good = SSL_write_ex(ssl_.get(), record.data(), record.size(), &wrote) == 1 && wrote == record.size();
    if (good) taken += wrote;
  }
  out_ = {};
  if (!good) {
    fail();
    return false;
  }
  const std::uint8_t* at = scratch.data() + kRecordBytes;
  const iovec part{const_cast<std::uint8_t*>(at), out_size_};  // iovec has no const form
  const Moved moved = out_size_ == 0 ? Moved{} : below_->write({&part, 1});
  if (moved.bytes < out_size_) held_.assign(at + moved.bytes, at + out_size_);
  if (moved.next == Next::kBroken) lose();
  return !is_broken() && !lost_;
}

void Stream::shutdown() {
  if (!secured_ || is_broken()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // puts close_notify into held_
}

std::string Stream::why() const {
  if (idle_records_ > kMostIdleRecords) return "too many key updates, alerts or attempts to renegotiate";
  return reason_of(ssl_.get());
}

}  // namespace rocket::tls
