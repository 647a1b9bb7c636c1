#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "h2/frame.h"
#include "h2/hpack_decoder.h"
#include "support/hex.h"
#include "support/raw_peer.h"

namespace rocket::test {

/// An HTTP/2 client or server that writes frame by frame what a test wants it to, and waits for what comes. It
/// acknowledges SETTINGS and PINGs.
class H2Peer {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  struct Options {
    Bytes settings;             ///< payload of its SETTINGS
    bool gives_windows = true;  ///< WINDOW_UPDATEs for all DATA that comes
    bool answers_pings = true;
    /// Besides the default, so that only streams have windows that a test need think of.
    std::uint32_t connection_window = 1 << 30;
  };
  explicit H2Peer(std::string_view address) : H2Peer(address, Options()) {}
  H2Peer(std::string_view address, const Options& options);
  /// A server, on a connection that has come. What of() and wait() call a reply is then a request.
  H2Peer(RawPeer accepted, const Options& options);

  static Bytes setting(h2::SettingId id, std::uint32_t value);
  /// With the 5 bytes in front that gRPC wants.
  static Bytes message(ByteSpan body, std::uint8_t flag = 0);
  static Bytes message(std::string_view body, std::uint8_t flag = 0) { return message(as_bytes(body), flag); }
  /// What every call of gRPC begins with, and `more`.
  static Fields request(std::string_view path, const Fields& more = {});

  /// HEADERS on the next stream; its number.
  std::uint32_t open(const Fields& fields, bool end = false);
  /// Waits for windows where it has to.
  void data(std::uint32_t stream, ByteSpan bytes, bool end = false);
  /// How much the server takes now.
  std::size_t window(std::uint32_t stream);
  /// A whole unary call in one write.
  std::uint32_t call(std::string_view path, std::string_view body, const Fields& more = {});
  void headers(std::uint32_t stream, const Fields& fields);
  void trailers(std::uint32_t stream, const Fields& fields);
  void goaway(std::uint32_t last, h2::ErrorCode code = h2::ErrorCode::kNoError, std::string_view text = {});
  void reset(std::uint32_t stream, h2::ErrorCode code = h2::ErrorCode::kCancel);
  void window_update(std::uint32_t stream, std::uint32_t increment);
  void frame(h2::FrameType type, std::uint8_t flags, std::uint32_t stream, ByteSpan payload);
  /// What was written since leaves in one piece with what is written until send().
  void hold() { holding_ = true; }
  void send();

  struct Reply {
    Fields headers;
    Bytes data;
    Fields trailers;
    bool has_headers = false;
    bool ended = false;
    std::optional<h2::ErrorCode> reset;

    /// Of the trailers, or of the headers where they are all there is; empty when there is none.
    std::string field(std::string_view name) const;
    int status() const;
    std::string message() const { return field("grpc-message"); }
    /// The body of its first message.
    std::string body() const { return data.size() < 5 ? std::string() : std::string(data.begin() + 5, data.end()); }
    bool over() const { return ended || reset; }
  };
  /// Reads until the stream has ended or is reset. What has come when the connection ended first.
  Reply wait(std::uint32_t stream);
  /// All that was sent has been taken, and what that gave has come.
  bool settle();
  /// Reads until it holds; false when the connection ends first.
  template <class Holds>
  bool read_until(Holds&& holds) {
    while (!holds())
      if (!read_frame()) return false;
    return true;
  }
  /// Reads to the end of the connection.
  void read_to_end() {
    while (read_frame()) {
    }
  }
  Reply& of(std::uint32_t stream) { return replies_[stream]; }
  std::vector<h2::Goaway> goaways;
  std::size_t answered_pings = 0;
  std::vector<Bytes> pings;                              ///< that the server has sent
  std::map<std::uint32_t, std::uint32_t> windows_given;  ///< by stream, what the server has given
  RawPeer& raw() { return peer_; }

 private:
  bool read_frame();
  void take(const h2::FrameHead& head, ByteSpan payload);
  void take_block(std::uint32_t stream);
  void write(ByteSpan bytes);
  static Bytes block_of(const Fields& fields);

  RawPeer peer_;
  const bool gives_windows_;
  const bool answers_pings_;
  bool holding_ = false;
  Bytes out_;
  Bytes in_;
  std::uint32_t next_stream_ = 1;
  std::map<std::uint32_t, Reply> replies_;
  std::map<std::uint32_t, std::size_t> sent_;  ///< DATA, by stream; 0: of all
  h2::HpackDecoder decoder_;
  h2::HpackScratch scratch_;
  Bytes block_;
  bool block_ends_ = false;
};

}  // namespace rocket::test
