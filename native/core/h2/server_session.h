#pragma once

#include <array>
#include <cstdint>

#include "h2/session.h"

namespace rocket::h2 {

class ServerHandler : public Handler {
 public:
  /// The application owns the stream from here on, until it releases it.
  virtual void on_request(Stream& stream, Opening opening) = 0;
  /// The same block may come again. An application that keeps the fields since on_block() until the next
  /// on_kept_block() or keep_block() returns true; then on_kept_block() tells it of the same block.
  virtual bool keep_block() { return false; }
  /// Called instead of on_block() and on_field(): the fields are the kept ones.
  virtual void on_kept_block() {}
  /// The number of streams whose reply another thread has written (reserve()) and for which note_written() has not been
  /// called yet: their peer may know that they have ended.
  virtual std::uint32_t written_unnoted() const { return 0; }

 protected:
  ~ServerHandler() = default;
};

/// The server's side of a connection: it receives requests and sends replies.
class ServerSession final : public Session {
 public:
  ServerSession(const Options& options, Resources& resources, ServerHandler& handler, Sink& sink);

  /// Sends our SETTINGS.
  void start(SteadyMs now);
  /// Consumes the preface, then whole frames from the front of `bytes`. After an error it consumes and drops
  /// everything.
  Fed feed(ByteSpan bytes, SteadyMs now);

  /// Sends a whole unary reply: HEADERS, DATA of `head` and `body`, and trailers; in one append if the windows have
  /// room.
  Sent reply(Stream& stream, ByteSpan headers, ByteSpan head, ByteSpan body, ByteSpan trailers);

  /// Sends a GOAWAY that refuses nothing yet, and a PING. When the PING is acknowledged, or finish_shutdown() is
  /// called, it sends a GOAWAY with the last stream that is served. on_drained() follows.
  void begin_shutdown();
  void finish_shutdown();

 private:
  friend class Session;
  static constexpr std::array<std::uint8_t, kPingDataBytes> kShutdownPing = {'r', 'o', 'c', 'k', 'e', 't', 0, 1};

  bool decode_request(ByteSpan bytes, Block& out);
  void open_stream(std::uint32_t id, bool ended, ByteSpan bytes, const Fault& fault);
  void take_goaway(const Goaway& goaway) override { handler_.on_goaway(goaway); }
  void take_ping_ack(ByteSpan data) override;

  ServerHandler& server_handler_;
  bool preface_taken_ = false;

  /// The header block of the last request, if it is short and decoding it does not change the table: most clients send
  /// the same block again. It is only compared until it has come twice.
  struct LastBlock {
    OwnedBytes bytes;
    std::size_t size = 0;
    std::uint64_t table_changes = 0;
    bool kept = false;  ///< by the application
    Block found{.check = FieldCheck(FieldCheck::Kind::kRequest)};
  };
  LastBlock last_;
};

}  // namespace rocket::h2
