#pragma once

#include <cstdint>

#include "h2/session.h"

namespace rocket::h2 {

class ClientHandler : public Handler {
 public:
  /// The headers of the final response.
  virtual void on_response(Stream& stream, int status, Opening opening) = 0;
  /// The server has sent SETTINGS, which may have changed room().
  virtual void on_settings() = 0;

 protected:
  ~ClientHandler() = default;
};

/// The client's side of a connection: it sends requests and receives responses. A stream that the client gives up is
/// reset before it is released.
class ClientSession final : public Session {
 public:
  ClientSession(const Options& options, Resources& resources, ClientHandler& handler, Sink& sink);

  /// Sends the preface and our SETTINGS. The server speaks HTTP/2 when on_settings() follows.
  void start(SteadyMs now);
  /// Consumes whole frames from the front of `bytes`. After an error it consumes and drops everything.
  Fed feed(ByteSpan bytes, SteadyMs now);

  /// The number of streams that may be opened now.
  std::uint32_t room() const;
  /// True if no stream can be opened on this connection any more.
  bool exhausted() const { return shutdown_ != Shutdown::kNo || last_stream_ + 2 > options_.last_id; }
  /// Opens a stream, if there is room(), with the headers of its request. Null if there is no memory.
  Stream* open(ByteSpan headers);
  /// Sends GOAWAY: no more requests follow. Open streams continue.
  void leave();

 private:
  friend class Session;

  void take_response(Stream& stream, bool ended, ByteSpan bytes);
  void take_settings_of_server() { client_handler_.on_settings(); }
  void take_goaway(const Goaway& goaway) override;
  void take_ping_ack(ByteSpan data) override { handler_.on_ping_ack(data); }

  ClientHandler& client_handler_;
};

}  // namespace rocket::h2
