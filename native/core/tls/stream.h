#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "io/byte_stream.h"
#include "io/io_thread.h"
#include "tls/context.h"
#include "tls/peer_certificate.h"

namespace rocket::tls {

class ServerJudge;

/// The session that a client's connection to an endpoint leaves to the next one. Belongs to its io thread.
struct SessionSlot {
  Owned<SSL_SESSION> session;
  /// The context with which its server was checked. Under another context the session is not resumed, because resuming
  /// checks no certificate.
  std::shared_ptr<const Context> context;
  /// When the first of the certificates and lists expires that were checked then.
  UnixSeconds until = 0;
};

/// The server to which a client connects.
struct ServerName {
  std::string host;         ///< the name or IP address that its certificate must be for
  std::string alpn;         ///< the protocol; empty: no ALPN
  bool needs_alpn = false;  ///< a server that does not choose it is refused
  std::shared_ptr<SessionSlot> sessions;
  /// Decides instead of the comparison with `host`, unless it is null. Outlives the handshake.
  ServerJudge* judge = nullptr;
};

/// Received bytes are read from the socket straight into OpenSSL's record buffer, which exists only while a record is
/// incomplete. Bytes to send are encrypted into a buffer of the io thread and sent with one write; only bytes that the
/// kernel does not accept are kept.
class Stream final : public io::ByteStream {
 public:
  /// Is told of the handshake. Called from inside read(), it must not close the connection.
  class Listener {
   public:
    virtual void on_secured(Stream& stream) = 0;

   protected:
    ~Listener() = default;
  };

  /// The server's side. `begun`: bytes that were already read from `below`. Null if there is no memory.
  static std::unique_ptr<Stream> accept(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context,
                                        Listener& listener, ByteSpan begun);
  /// The client's side, for handshake(). Null if there is no memory, or no name to compare the certificate with.
  static std::unique_ptr<Stream> connect(io::IoThread& io, io::ByteStream& below,
                                         std::shared_ptr<const Context> context, const ServerName& server);
  /// Continues a client's handshake, before there is a connection. kAgain: it is finished.
  Next handshake();
  /// The socket has moved.
  void put_over(io::ByteStream& below) { below_ = &below; }
  static Stream& of(const SSL* ssl);

  const Context& context() const { return *context_; }
  bool secured() const { return secured_; }
  /// The name that both sides chose with ALPN; empty if the client offered none.
  std::string_view protocol() const;

  // ByteStream
  Moved read(std::span<std::uint8_t> into) override;
  Moved write(std::span<const iovec> parts) override;
  void shutdown() override;
  bool can_direct() const override { return false; }
  bool holds_input() const override;
  bool holds_output() const override { return !held_.empty(); }
  /// Names the option to check, if there is one.
  std::string_view failure() const override { return failure_; }
  io::PeerIdentity peer_identity() const override { return peer_.identity(); }
  std::string peer_certificate() const override { return peer_.der(); }

  // For OpenSSL.
  /// Returns 0 if no bytes are there now, or the socket has ended (below_ended()).
  std::size_t pull(std::span<std::uint8_t> into);
  bool push(ByteSpan bytes);
  /// True: this object owns the session now.
  bool keep_session(SSL_SESSION* session);
  /// Part of a record or message as received. `type`: of the record, or of its contents.
  void on_message(int type, ByteSpan bytes);
  bool below_ended() const { return below_next_ == Next::kEnded || below_next_ == Next::kBroken; }

 private:
  Stream(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context, Listener* listener,
         ByteSpan begun);
  bool ask_for(const ServerName& server);
  bool check_name(const std::string& host, bool is_ip);
  /// Returns what read() returns while it is not finished.
  Next shake_hands();
  Moved decrypt(std::span<std::uint8_t> into);
  void pay_for_idle_records(std::size_t got);
  /// Handles a call of OpenSSL that did not succeed.
  Next after(int result);
  Next fail();
  std::size_t pull_ahead(std::span<std::uint8_t> into);
  void lose();
  void take_alert();
  bool is_broken() const { return broken_ != Next::kAgain; }
  std::string why() const;
  /// True if the kernel has accepted everything.
  bool send_held();
  bool encrypt(std::span<const iovec> parts, std::size_t& taken);

  io::IoThread& io_;
  io::ByteStream* below_;
  const std::shared_ptr<const Context> context_;
  Listener* listener_;  ///< null for a client, and once it has been told
  std::shared_ptr<SessionSlot> sessions_;
  UnixSeconds offered_until_ = 0;  ///< expiry of the session that was offered
  Owned<SSL> ssl_;
  PeerCertificate peer_;             ///< valid once the stream is secured
  std::vector<std::uint8_t> begun_;  ///< read from below before OpenSSL asked for it
  std::vector<std::uint8_t> held_;   ///< encrypted, not yet accepted by the kernel
  std::span<std::uint8_t> out_;      ///< destination of encrypt(); empty outside of it
  std::size_t out_size_ = 0;
  unsigned pulls_left_ = 0;     ///< in this read()
  unsigned idle_records_ = 0;   ///< records without data that received data has not paid for
  std::size_t paid_bytes_ = 0;  ///< towards the next one
  std::string failure_;
  Next below_next_ = Next::kAgain;  ///< the socket's last result of reading
  bool secured_ = false;
  bool deferred_ = false;  ///< the handshake continues in another turn
  bool starved_ = false;   ///< OpenSSL needs more than has arrived
  bool ended_ = false;
  bool lost_ = false;           ///< the socket accepts no more, but may hold what the peer has sent
  Next broken_ = Next::kAgain;  ///< once nothing more can be read or written: kInvalid or kBroken
};

}  // namespace rocket::tls
