#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "h2/field_check.h"
#include "h2/frame.h"
#include "h2/hpack_decoder.h"
#include "h2/options.h"
#include "h2/stream.h"
#include "h2/token_bucket.h"
#include "h2/window_meter.h"

namespace rocket::h2 {

/// The output of a session. `append` is called many times in a turn; the bytes are sent at the end of the turn.
class Sink {
 public:
  /// Appends `size` bytes to the output, which the caller fills at once.
  virtual std::uint8_t* append(std::size_t size) = 0;
  /// True if the peer does not read as fast as we write: DATA waits in its stream until Session::on_writable().
  virtual bool backlogged() const = 0;
  /// Bytes ever appended, and how many of them the kernel has taken.
  virtual std::uint64_t appended_total() const = 0;
  virtual std::uint64_t written_total() const = 0;

 protected:
  ~Sink() = default;
};

/// The callbacks of a session to its application. They may call any function of the session, but must not destroy it.
/// Nothing is called after on_connection_error() or Session::close().
class Handler {
 public:
  /// A header block begins: fields of the previous one are no longer valid. This and on_field() must not call the
  /// session.
  virtual void on_block() = 0;
  /// One field of the block, in order. Only on_request(), on_response() or on_trailers() says that the block is valid;
  /// without one of them its fields are to be dropped. The views are valid during the call.
  virtual void on_field(const Field& field) = 0;

  /// `data` is valid during the call, and not empty unless `ended`. The application gives back the bytes that it has
  /// taken with Session::consume().
  virtual void on_data(Stream& stream, ByteSpan data, bool ended) = 0;
  /// Trailers also end the data of the peer.
  virtual void on_trailers(Stream& stream, bool too_large) = 0;
  /// The peer has reset the stream, or made us reset it (`why` is not null then). The stream is closed, and still has
  /// to be released.
  virtual void on_reset(Stream& stream, ErrorCode code, const char* why) = 0;
  /// All data that send_data() had to queue has been written. Not called if it was the end of the stream.
  virtual void on_stream_writable(Stream& stream) = 0;
  /// The peer opens no more streams, and accepts none above `last_stream`. If `code` is an error, it is the reason.
  virtual void on_goaway(const Goaway& goaway) = 0;
  virtual void on_ping_ack(ByteSpan data) = 0;
  /// The peer has lowered a window or the size of its table, which is acknowledged after this call. From then on
  /// replies that Session::reserve() has allowed must not be sent.
  virtual void on_limits_lowered() {}
  /// After the last GOAWAY of a shutdown, the last open stream has ended.
  virtual void on_drained() = 0;
  /// The connection has to be closed as soon as the appended bytes, including a GOAWAY, are written.
  virtual void on_connection_error(ErrorCode code, const char* why) = 0;

 protected:
  ~Handler() = default;
};

/// Properties of the first header block of a stream.
struct Opening {
  /// Its header list exceeds the limit; fields past the limit were not delivered.
  bool too_large = false;
  /// The stream has no body: END_STREAM came with the block.
  bool ended = false;
};

/// Resources that the sessions of one thread share, and that outlive them.
struct Resources {
  HpackScratch scratch;
  StreamPool streams;
};

enum class Role : std::uint8_t { kServer, kClient };

/// One HTTP/2 connection (RFC 9113): parses bytes into streams, and back. It uses no sockets, threads or clock, and
/// belongs to one thread. The parts that both sides have are here, the others in server_session.h and client_session.h.
/// There are no other roles: the path of a call branches on `role_`, and makes no virtual call to its own class.
///
/// States of a stream: open until END_STREAM or a reset; `closed` when both sides have ended or one has reset it. Its
/// id is forgotten then, except for the last kRemembered ids, and the object lives on until the application releases
/// it.
class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  struct Fed {
    std::size_t consumed = 0;
    /// The length of the frame that begins right after the consumed bytes; 0: not known yet.
    std::size_t frame_bytes = 0;
  };

  // Sending. If the stream is closed, the data is dropped.

  /// Sends a header block (hpack_encoder.h). With `end` it is the last frame: trailers wait for queued data.
  void send_headers(Stream& stream, ByteSpan block, bool end);
  enum class Sent : std::uint8_t {
    kWritten,
    kQueued,    ///< in part or as a whole; on_stream_writable() follows
    kFull,      ///< nothing was taken: the queue is at its limit; on_stream_writable() follows
    kClosed,    ///< nothing was taken
    kNoMemory,  ///< nothing more can be sent on this stream: reset it
  };
  /// Sends `head` and `body`, one after the other.
  Sent send_data(Stream& stream, ByteSpan head, ByteSpan body, bool end);
  void reset(Stream& stream, ErrorCode code);

  // A reply that another thread writes: HEADERS, DATA of at most the reserved bytes, HEADERS with END_STREAM, in this
  // order.

  /// Reserves room in both windows. False: this session has to write the reply itself.
  bool reserve(Stream& stream, std::uint32_t bytes);
  /// The other thread does not write the reply after all.
  void unreserve(Stream& stream, std::uint32_t bytes);
  /// The other thread has written it, with `sent` bytes of DATA.
  void note_written(Stream& stream, std::uint32_t reserved, std::uint32_t sent);

  /// The application has taken `bytes` of the data that on_data() gave it, so the peer may send as many again. The peer
  /// is told once they are half of the window. The window may grow then, unless `grows` was false for all of them: the
  /// window of a stream that is not read does not grow.
  void consume(Stream& stream, std::size_t bytes, bool grows = true);
  /// Gives back less than half of the window if the peer has less than that left: the application may take no more
  /// before something arrives.
  void top_up(Stream& stream);
  /// The application has finished with the stream. If the peer is still sending, it is told to stop. If our side has
  /// not ended, it is cut off with CANCEL; data that waits in the queue of an ended stream is still sent.
  void release(Stream& stream);

  /// The sink is not backlogged any more.
  void on_writable() { drain(); }

  // The connection.

  /// Sends GOAWAY with an error; on_connection_error() follows.
  void fail(ErrorCode code, const char* why);
  /// The socket is closed: no callback follows.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }
  /// `data` has kPingDataBytes, and is neither WindowMeter::kPing nor ServerSession::kShutdownPing.
  void send_ping(const std::uint8_t* data);

  /// Returns since when the stream that has waited longest for the peer's windows, or for the sink, has made no
  /// progress. It must be called regularly, because only these calls read the clock.
  std::optional<SteadyMs> stalled_since(SteadyMs now);
  /// The stream of stalled_since(). It may have been released, and `user` be null. There must be one.
  Stream& longest_stalled() { return *static_cast<Stream*>(static_cast<StallLink*>(stalled_.next)); }
  /// The size to which windows of streams grow when they are given back.
  std::uint32_t wanted_window() const { return meter_.wanted(); }
  /// The receive window of the stream: the bytes that its peer may send before consume() gives them back.
  static std::uint32_t window_of(const Stream& stream) { return stream.window_; }
  /// Streams that the application has not released.
  std::uint32_t stream_count() const { return held_; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// The longest header list that the peer accepts (SETTINGS_MAX_HEADER_LIST_SIZE); fields count as in Field::size().
  std::uint32_t peer_max_header_list() const { return peer_max_header_list_; }
  /// True if a header block has begun: only the rest of it may follow.
  bool in_block() const { return block_stream_ != 0; }
  bool settings_acknowledged() const { return settings_acknowledged_; }
  std::uint32_t last_stream() const { return last_stream_; }

 protected:
  static constexpr std::uint32_t kRemembered = 64;
  static constexpr std::uint8_t kMaxPingStrikes = 2;
  /// The number of glitches that a stream gives back: a call is often followed by a WINDOW_UPDATE or two, and a PING.
  static constexpr std::int32_t kGlitchesPerStream = 4;
  enum class Shutdown : std::uint8_t { kNo, kBegun, kFinished, kDrained };

  Session(Role role, const Options& options, Resources& resources, Handler& handler, Sink& sink);
  ~Session();

  // Rare events that the roles handle differently:
  virtual void take_goaway(const Goaway& goaway) = 0;
  virtual void take_ping_ack(ByteSpan data) = 0;

  void begin(SteadyMs now);
  /// Takes whole frames from the front of `bytes`.
  Fed feed_frames(ByteSpan bytes);
  // session.cc: frames in
  bool check_order(const FrameHead& head);
  void take_frame(const FrameHead& head, ByteSpan payload);
  void take_data(const FrameHead& head, ByteSpan payload);
  void take_rst_stream(const FrameHead& head, ByteSpan payload);
  void take_window_update(const FrameHead& head, ByteSpan payload);
  void stream_fault(std::uint32_t id, const Fault& fault);
  /// A frame for a stream that has ended. More streams can be reset in a round trip than are remembered. A client's own
  /// streams are not counted.
  void note_late();
  bool is_idle(std::uint32_t id) const { return (id & 1) == 0 || id > last_stream_; }

  // session_headers.cc: header blocks in
  void take_headers(const FrameHead& head, ByteSpan payload);
  void take_continuation(const FrameHead& head, ByteSpan payload);
  bool keep_block(ByteSpan part);
  void take_block(std::uint32_t id, bool ended, ByteSpan block, const Fault& fault);
  struct Block {
    // First, so that a copy is one of whole words, and not of the 33 bytes that would be used.
    bool too_large = false;
    FieldCheck check;
  };
  bool decode(ByteSpan bytes, Block& out);
  bool decode_unheard(ByteSpan bytes);
  void take_late_block(std::uint32_t id, ByteSpan block);
  void take_trailers(Stream& stream, bool ended, ByteSpan bytes);

  // session_connection.cc: the connection's own frames
  void take_settings(const FrameHead& head, ByteSpan payload);
  bool apply(const Setting& setting);
  bool change_peer_window(std::uint32_t window);
  void take_ping(const FrameHead& head, ByteSpan payload);
  bool is_ping_strike();
  bool glitch(std::int32_t cost = 1);
  std::uint8_t* append_control(std::size_t size);
  void write_goaway_frame(std::uint32_t last, ErrorCode code, std::string_view text);
  void note_drained();
  void give_back(std::size_t bytes);
  std::uint64_t received_total() const { return given_back_ + received_; }
  void take_window_ack();

  // session_send.cc
  bool may_send(const Stream& stream) const { return !closed_ && !stream.closed_ && !stream.ended_; }
  std::uint8_t* write_header_frames(std::uint8_t* out, std::uint32_t id, ByteSpan block, bool end);
  std::size_t room_of(const Stream& stream) const;
  void note_sent(Stream& stream, std::size_t bytes, bool last);
  Sent queue_data(Stream& stream, ByteSpan head, ByteSpan body, bool end);
  void mark_ready(Stream& stream);
  void unqueue(Stream& stream);
  void drain();
  void drain_one(Stream& stream);
  void note_ended(Stream& stream);
  std::uint32_t growth_of(const Stream& stream);
  void give_consumed(Stream& stream);

  // session_streams.cc: the ends of streams
  enum class End : std::uint8_t { kBothEnded, kResetByPeer, kResetByUs };
  void close_stream(Stream& stream, End end);
  void recycle(Stream& stream);
  /// Resets a stream because of a fault of the peer.
  void reset_for(Stream& stream, const Fault& fault);
  /// The same for a stream for which there is no object.
  void refuse(std::uint32_t id, ErrorCode code);
  /// Counts a reset that the peer has caused. A client does not count those of its open streams: there are no more of
  /// them than it has opened.
  bool count_reset();
  void write_rst(std::uint32_t id, ErrorCode code);
  void remember(std::uint32_t id, bool reset_by_us);
  enum class Past : std::uint8_t { kUnknown, kClosed, kResetByUs };
  Past past(std::uint32_t id) const;

  /// Every peer accepts frames of this size, and other streams need not wait long for their turn.
  static constexpr std::size_t kFrameBytes = kDefaultMaxFrameBytes;
  /// The size of a block, and of the bytes before it, in HEADERS and as many CONTINUATIONs as needed.
  static std::size_t header_frames_bytes(std::size_t bytes) {
    return bytes + kFrameHeadBytes * std::max<std::size_t>(1, (bytes + kFrameBytes - 1) / kFrameBytes);
  }
  static std::uint8_t* write_bytes(std::uint8_t* out, ByteSpan bytes) {
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
  }
  static Stream& of(ListLink* link) { return *static_cast<Stream*>(static_cast<ReadyLink*>(link)); }

  const Role role_;
  const Options& options_;
  Resources& resources_;
  Handler& handler_;
  Sink& sink_;
  SteadyMs now_ = 0;  ///< of the last feed()

  bool closed_ = false;
  bool settings_taken_ = false;
  bool settings_acknowledged_ = false;
  bool table_update_owed_ = false;  ///< the peer has made its table smaller than HPACK's initial size
  bool table_size_told_ = false;    ///< and has been told that we use none
  Shutdown shutdown_ = Shutdown::kNo;
  std::uint8_t ping_strikes_ = 0;
  std::uint32_t pings_unanswered_ = 0;  ///< of ours
  bool sent_since_ping_ = false;
  std::optional<SteadyMs> last_ping_;

  // The settings of the peer.
  std::uint32_t peer_max_streams_ = UINT32_MAX;
  std::uint32_t peer_window_ = kDefaultWindow;
  std::uint32_t peer_max_header_list_ = 0xffffffff;

  std::int64_t send_window_ = kDefaultWindow;
  std::size_t growth_ = 0;           ///< of the windows of open streams
  std::uint32_t connection_window_;  ///< its size, which is constant
  std::uint32_t received_ = 0;       ///< and not yet given back
  std::uint64_t given_back_ = 0;
  WindowMeter meter_;

  std::uint32_t last_stream_ = 0;  ///< the last that the client has opened
  std::uint32_t goaway_last_ = kMaxStreamId;
  std::uint32_t held_ = 0;
  std::size_t queued_bytes_ = 0;
  StreamTable streams_;
  ReadyLink ready_;
  StallLink stalled_;
  ReadyLink held_closed_;  ///< closed streams that are not released yet

  HpackDecoder decoder_;
  // A header block whose CONTINUATION frames have not all come.
  std::uint32_t block_stream_ = 0;
  std::uint32_t continuations_ = 0;
  bool block_ended_ = false;
  Fault block_fault_;
  OwnedBytes block_;
  std::size_t block_bytes_ = 0;

  TokenBucket resets_;
  TokenBucket glitches_;
  std::uint32_t control_frames_ = 0;
  std::uint32_t most_control_frames_;  ///< the most that are allowed
  std::uint64_t control_mark_ = 0;     ///< when this much is written, those counted before are sent

  std::array<std::uint32_t, kRemembered> past_{};  ///< an id in the upper bits; the lowest bit: we have reset it
  std::uint32_t past_at_ = 0;
};

}  // namespace rocket::h2
