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

/// What a client's connections to one endpoint leave to the next. Belongs to its io thread.
struct SessionSlot {
  Owned<SSL_SESSION> session;
  /// What its server was checked with. Under another context it is checked anew: resuming does not look at
  /// certificates.
  std::shared_ptr<const Context> context;
  /// When the first of what was checked then expires.
  UnixSeconds until = 0;
};

/// The server that a client wants.
struct ServerName {
  std::string host;         ///< a name or an IP address, which its certificate must be for
  std::string alpn;         ///< the protocol; empty: no ALPN
  bool needs_alpn = false;  ///< a server that does not choose it is refused
  std::shared_ptr<SessionSlot> sessions;
  /// Instead of the comparison with `host`; null: without. Outlives the handshake.
  ServerJudge* judge = nullptr;
};

/// TLS over a connection's socket (Connection::put_layer()). Belongs to the connection and its io thread.
///
/// What comes is read from the socket straight into OpenSSL's record buffer, which exists only while a record is
/// incomplete. What is written is encrypted into a buffer of the io thread and leaves with one write; only what the
/// kernel does not take is kept.
class Stream final : public io::ByteStream {
 public:
  /// Who hears of the handshake; called from inside read(), and must not close the connection.
  class Listener {
   public:
    virtual void on_secured(Stream& stream) = 0;

   protected:
    ~Listener() = default;
  };

  /// A server's side. `begun` are bytes that were read from `below` already. Null without memory.
  static std::unique_ptr<Stream> accept(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context,
                                        Listener& listener, ByteSpan begun);
  /// A client's side, for handshake(). Null if there is no memory, or no name to hold the certificate against.
  static std::unique_ptr<Stream> connect(io::IoThread& io, io::ByteStream& below,
                                         std::shared_ptr<const Context> context, const ServerName& server);
  /// Goes on with a client's handshake, before there is a connection. kAgain: it is finished.
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
  /// With the option to look at where there is one.
  std::string_view failure() const override { return failure_; }
  io::PeerIdentity peer_identity() const override { return peer_.identity(); }
  std::string peer_certificate() const override { return peer_.der(); }

  // For OpenSSL.
  /// 0: nothing is there now, or ever (below_ended()).
  std::size_t pull(std::span<std::uint8_t> into);
  bool push(ByteSpan bytes);
  /// True: it is ours now.
  bool keep_session(SSL_SESSION* session);
  /// Part of a record or message as it came, `type` of it or of what is in it.
  void on_message(int type, ByteSpan bytes);
  bool below_ended() const { return below_next_ == Next::kEnded || below_next_ == Next::kBroken; }

 private:
  Stream(io::IoThread& io, io::ByteStream& below, std::shared_ptr<const Context> context, Listener* listener,
         ByteSpan begun);
  bool ask_for(const ServerName& server);
  bool check_name(const std::string& host, bool is_ip);
  /// What to return while it is not finished.
  Next shake_hands();
  Moved decrypt(std::span<std::uint8_t> into);
  void pay_for_idle_records(std::size_t got);
  /// What follows from a call that did not succeed.
  Next after(int result);
  Next fail();
  bool is_broken() const { return broken_ != Next::kAgain; }
  std::string why() const;
  /// True when the kernel has taken everything.
  bool send_held();
  bool encrypt(std::span<const iovec> parts, std::size_t& taken);

  io::IoThread& io_;
  io::ByteStream* below_;
  const std::shared_ptr<const Context> context_;
  Listener* listener_;  ///< null for a client, and once it has heard
  std::shared_ptr<SessionSlot> sessions_;
  UnixSeconds offered_until_ = 0;  ///< of the session that was offered
  Owned<SSL> ssl_;
  PeerCertificate peer_;             ///< once it is secured
  std::vector<std::uint8_t> begun_;  ///< read from below before there was a stream
  std::vector<std::uint8_t> held_;   ///< encrypted, and not yet taken by the kernel
  std::span<std::uint8_t> out_;      ///< where encrypt() puts what OpenSSL writes; empty outside of it
  std::size_t out_size_ = 0;
  unsigned pulls_left_ = 0;     ///< of this read()
  unsigned idle_records_ = 0;   ///< that brought no bytes, and that those of others have not paid for
  std::size_t paid_bytes_ = 0;  ///< towards the next one
  std::string failure_;
  Next below_next_ = Next::kAgain;  ///< what the socket last said of reading
  bool secured_ = false;
  bool deferred_ = false;  ///< the handshake goes on in another turn
  bool starved_ = false;   ///< OpenSSL wants more than has come
  bool ended_ = false;
  Next broken_ = Next::kAgain;  ///< once nothing more can be read or written: kInvalid or kBroken
};

}  // namespace rocket::tls
