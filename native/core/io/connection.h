#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/timer_wheel.h"
#include "io/address.h"
#include "io/byte_stream.h"
#include "io/io_thread.h"
#include "io/socket_stream.h"
#include "io/task.h"
#include "io/tcp_signs.h"
#include "io/write_queue.h"

namespace rocket::io {

enum class CloseReason : std::uint8_t {
  kLocal,         ///< close() was called
  kPeerClosed,    ///< the peer has closed its sending side, between or inside frames, and everything is answered
  kReset,         ///< an error from the socket
  kBadInput,      ///< the handler refused what it read
  kFrameTimeout,  ///< the peer did not send expected data in time, such as the rest of a frame
  kIdleTimeout,
  kSlowReader,    ///< the peer has read nothing for the idle timeout
  kSilent,        ///< the handler got no sign of life from the peer
  kOutOfMemory,   ///< memory for received data could not be allocated
  kMaxAge,        ///< it has reached its maximum age
  kLayer,         ///< the layer refused the peer, or what it sent: TLS
  kLayerTimeout,  ///< the layer was not ready in time: its handshake
};
inline constexpr std::size_t kCloseReasonCount = 12;
const char* name_of(CloseReason reason);

struct ConnectionLimits {
  /// The longest frame that is read or written.
  std::size_t max_frame_bytes = 4 << 20;
  /// Past this many queued bytes the handler must stop producing (Connection::backlogged); past four times as
  /// many and one frame the connection is closed as kSlowReader.
  std::size_t max_write_queue_bytes = 4 << 20;
  /// Time for the first bytes, and for a whole frame; for a skipped frame, for each max_frame_bytes of it.
  Millis frame_timeout{10'000};
  /// 0: never.
  Millis idle_timeout{300'000};

  std::size_t hard_write_queue_bytes() const { return 4 * max_write_queue_bytes + max_frame_bytes; }
};

/// Counters that all connections of one server or channel share; any thread may read them.
struct ConnectionGauges {
  std::atomic<std::int64_t> open{0};
  /// As of the end of each connection's last turn.
  std::atomic<std::int64_t> queued_bytes{0};
  /// Memory of partly received frames, and of data read before reading was paused.
  std::atomic<std::int64_t> partial_bytes{0};
};

/// The session of a protocol, or the object that finds out which protocol it is. All calls are made on the connection's
/// io thread.
///
/// Bytes are offered as they arrive. A protocol that needs whole messages returns the length of a partial one, and the
/// connection assembles it with as few copies as possible (Taken::frame_bytes, on_large_frame, on_out_of_memory), or
/// drops an unwanted one (Taken::skip_bytes). A protocol that consumes everything it is offered can ignore these
/// members at no cost.
class ConnectionHandler {
 public:
  struct Taken {
    std::size_t consumed = 0;
    /// on_bytes() is called again only when this many bytes are there, counted from the end of the consumed ones: the
    /// length of a frame, or of its names. 0: not known yet.
    std::size_t frame_bytes = 0;
    /// This many of the next bytes are dropped: the rest of a frame that was consumed.
    std::size_t skip_bytes = 0;
  };

  /// Consumes what it can. May pause or close the connection, or hand it over.
  virtual Taken on_bytes(ByteSpan bytes) = 0;
  /// A whole frame of at least kLargeFrameBytes in a block of its own, which may be moved from. False: it was not taken
  /// and is to be offered again once reading is resumed. Only called for a frame whose frame_bytes was returned.
  virtual bool on_large_frame(OwnedBytes&) { return true; }
  /// There is no memory for a frame of `frame_bytes` that begins with `begun`. True: its sender has been told, and the
  /// rest of it is dropped. False: the connection has to be closed.
  virtual bool on_out_of_memory([[maybe_unused]] ByteSpan begun, [[maybe_unused]] std::size_t frame_bytes) {
    return false;
  }
  /// The write queue is below its limit again.
  virtual void on_writable() {}
  /// True while silence on the connection is expected, so that it does not count as idle.
  virtual bool busy() const = 0;
  /// It has been idle for the idle timeout. True: the handler ends it itself, before the next one.
  virtual bool on_idle() { return false; }
  /// True for a server: its peer may close its sending side and still wait for replies, and is gone only when the whole
  /// connection is closed.
  virtual bool serves() const = 0;
  /// The peer has closed its sending side; nothing more is read.
  virtual void on_peer_ended() {}
  /// For a client: whether the peer may still be working on a call. Closing then resets the connection, which tells the
  /// server that the caller does not wait any more; an end of stream would only say that no more requests follow.
  virtual bool owed() const { return false; }
  /// The last call to a handler that has handed its connection over, once its on_bytes() has returned.
  virtual void on_handed_over() {}
  /// The last call to any other handler; never made from inside another call to it.
  virtual void on_closed(CloseReason reason) = 0;

 protected:
  ~ConnectionHandler() = default;
};

/// A connected stream socket on one io thread, possibly with a layer over it: a reader coroutine, a write queue with a
/// writer coroutine that exists while the socket takes no more, and one timer for all its timeouts.
///
/// Owners: its handler, its running coroutines, the lists of its thread (turn ends, heavy steps), and call slots whose
/// reply another thread may send.
class Connection final : public TurnEnd, public std::enable_shared_from_this<Connection> {
 public:
  static constexpr std::size_t kLargeFrameBytes = 64 * 1024;

  Connection(IoThread& io, StreamSocket socket, const PeerAddress& peer, const ConnectionLimits& limits,
             ConnectionGauges& gauges);
  ~Connection() override;

  // io thread:
  void start(ConnectionHandler& handler);
  /// Called from inside on_bytes(): `next` replaces the calling handler. As soon as that on_bytes() returns, the caller
  /// gets on_handed_over(), and `next` is offered the bytes that the caller did not consume.
  void hand_over(ConnectionHandler& next) { handler_ = &next; }
  /// Idempotent; on_closed() follows at the end of the turn.
  void close(CloseReason reason);
  /// Closes once everything queued is written. The caller limits the wait.
  void close_when_written(CloseReason reason = CloseReason::kLocal);
  /// Stops reading, and closes the sending side once everything queued is written; closes the connection when the peer
  /// has closed, too. The caller limits the wait. Closing at once would reset the connection if there are unread bytes,
  /// and the peer might never read the last bytes that it was sent.
  void end_when_written();
  /// The handler has finished some work: closes if the peer has closed its sending side and everything is answered.
  void close_if_done();
  bool open() const { return open_; }

  /// All bytes go through `layer` from now on. Must be called before anything is queued; bytes that were already read
  /// from the socket are the layer's to take over.
  void put_layer(std::unique_ptr<ByteStream> layer);
  /// The socket for a layer; lives as long as the connection.
  ByteStream& socket() { return socket_; }
  /// The reason, if it was closed as kLayer.
  std::string why_layer_failed() const { return layer_ == nullptr ? "" : "TLS: " + std::string(layer_->failure()); }

  /// Why reading is paused. It resumes when no reason is left.
  enum Pause : std::uint8_t {
    kBacklog = 1,    ///< the write queue is over its limit; cleared by the connection, before on_writable()
    kInboxFull = 2,  ///< there is no room for what would be read
    kSession = 4,    ///< a limit of the session
    kEnding = 8,     ///< received bytes are not needed any more
  };
  void pause_reading(Pause why);
  void resume_reading(Pause why);
  bool paused() const { return paused_ != 0; }
  bool paused_for(Pause why) const { return (paused_ & why) != 0; }

  /// Progress is due: unless this or expect_nothing() is called `within` that time, the connection is closed with the
  /// reason `why`. The timeout is suspended while reading is paused, and starts again when it resumes.
  void expect_progress(Millis within, CloseReason why);
  void expect_nothing() { progress_within_ms_ = 0; }
  bool expects_progress() const { return progress_within_ms_ != 0; }

  /// `size` bytes at the end of the write queue, to be filled at once; they are sent at the end of the turn.
  std::uint8_t* append(std::size_t size);
  void append_block(OwnedBytes block);
  /// Called before a limit is checked with queued_bytes(), or the connection is closed: writes what the kernel accepts
  /// at once.
  void write_now() { flush(); }
  bool backlogged() const { return writes_.bytes() > limits_.max_write_queue_bytes; }
  std::size_t queued_bytes() const { return writes_.bytes(); }
  /// Bytes ever queued, and how many of them the kernel has taken.
  std::uint64_t appended_total() const { return appended_total_; }
  std::uint64_t written_total() const { return appended_total_ - writes_.bytes(); }
  /// When bytes last arrived, complete frames or not.
  SteadyMs last_read() const { return last_read_; }
  TcpSigns tcp_signs() const { return socket_.signs(); }

  IoThread& io() { return io_; }
  void touch() { last_activity_ = io_.now(); }

  /// From now on direct_send() returns kBusy. A direct send that has begun is written before anything that is queued
  /// after this call.
  void bar_direct() {
    ROCKET_ON_IO_THREAD(io_);
    direct_barred_.store(true, std::memory_order_release);
  }

  // any thread (immutable):
  std::string peer_name() const { return peer_.text(); }

  // any thread, once a request has come:
  PeerIdentity peer_identity() const { return layer_ == nullptr ? PeerIdentity{} : layer_->peer_identity(); }
  std::string peer_certificate() const { return layer_ == nullptr ? "" : layer_->peer_certificate(); }

  /// Whether direct_send() can succeed; does not change after the first call.
  bool can_direct() const { return layer_ == nullptr || layer_->can_direct(); }

  // js thread:
  enum class Direct : std::uint8_t { kSent, kPartial, kBusy };
  /// Tries to write one whole frame at once, without waiting. kBusy: nothing was written. kPartial: `sent` bytes were
  /// written; the caller must post finish_direct() with the rest, and until then no other thread writes.
  Direct direct_send(ByteSpan frame, std::size_t& sent);

  // io thread:
  void finish_direct(ByteSpan rest);

  // For spawn().
  const char* task_name() const { return "connection"; }
  void fail() { close(CloseReason::kReset); }

 private:
  void on_turn_end() override;
  void on_heavy_step() override;
  static Task<void> read_loop(std::shared_ptr<Connection> self);
  static Task<void> write_loop(std::shared_ptr<Connection> self);
  /// Waits until the whole connection is closed while nothing is read from it.
  static Task<void> watch_loop(std::shared_ptr<Connection> self);
  void start_reading();
  void watch();
  void read_available();
  std::span<std::uint8_t> room_in_place();
  void take(ByteSpan data);
  void take_pending();
  void offer(ByteSpan bytes);
  ByteSpan skip(ByteSpan data);
  void keep(ByteSpan rest, std::size_t frame_bytes);
  void hold(ByteSpan data);
  void append_pending(ByteSpan piece);
  bool grow_pending(std::size_t size);
  void drop_frame(ByteSpan begun, std::size_t arrived);
  void clear_pending();
  OwnedBytes release_pending();
  void arm_timer(SteadyMs due);
  void on_end_of_stream();

  // The plain socket is called directly; only a layer costs a virtual call.
  ByteStream::Moved read_stream(std::span<std::uint8_t> into) {
    return layer_ == nullptr ? socket_.read(into) : layer_->read(into);
  }
  ByteStream::Moved write_stream(std::span<const iovec> parts) {
    return layer_ == nullptr ? socket_.write(parts) : layer_->write(parts);
  }
  bool holds_input() const { return layer_ != nullptr && layer_->holds_input(); }
  bool all_written() const {
    if (layer_ == nullptr) return writes_.empty();
    return (shut_down_ || writes_.empty()) && !layer_->holds_output();
  }
  void close_written(CloseReason reason);
  void end_written();
  void write_for_layer();

  void flush();
  enum class Wrote : std::uint8_t {
    kAll,
    kBlocked,        ///< the socket accepts no more
    kAwaitsReading,  ///< the layer accepts no more until it has read
    kClosed,
  };
  Wrote write_some();
  Wrote on_broken_write();
  void read_rest();
  void after_write();
  void count_queued(std::size_t added);
  void report_queued();
  bool acquire_writer();
  void release_writer();
  void close_socket();

  static void on_timer(Timer& timer);
  void check_timeouts();

  // Which thread may write to the socket and close it. The JS thread only switches kFree -> kJs and back.
  enum Writer : std::uint8_t { kFree, kIo, kJs, kJsIoWaits, kClosed };

  struct ConnectionTimer : Timer {
    explicit ConnectionTimer(Connection& owner) : Timer(&Connection::on_timer), connection(owner) {}
    Connection& connection;
  };

  IoThread& io_;
  SocketStream socket_;
  std::unique_ptr<ByteStream> layer_;
  const PeerAddress peer_;
  // Owned by the server or channel, which outlives every open connection.
  const ConnectionLimits& limits_;
  ConnectionGauges& gauges_;
  ConnectionHandler* handler_ = nullptr;
  WriteQueue writes_;
  std::uint64_t appended_total_ = 0;
  std::size_t reported_queued_ = 0;  ///< in the gauge

  // The beginning of an unfinished frame, or the data left when reading was paused. Grows with received data: a size
  // that a peer only announces costs nothing.
  OwnedBytes pending_;
  std::size_t pending_size_ = 0;
  std::size_t pending_frame_bytes_ = 0;
  std::size_t skip_left_ = 0;  // bytes of a refused frame; nothing is pending then

  ConnectionTimer timer_;
  SteadyMs last_activity_;
  SteadyMs last_read_ = 0;
  SteadyMs last_write_progress_ = 0;
  SteadyMs progress_since_ = 0;
  std::uint32_t progress_within_ms_ = 0;  // 0: none is expected
  CloseReason progress_reason_ = CloseReason::kFrameTimeout;

  std::atomic<std::uint8_t> writer_{kFree};
  std::atomic<bool> direct_barred_{false};
  std::uint8_t paused_ = 0;
  bool open_ = true;
  bool reading_ = false;
  bool ended_ = false;  // the peer has closed its sending side; answers are still due
  bool watching_ = false;
  bool writing_ = false;
  bool write_broken_ = false;
  bool close_when_written_ = false;
  bool end_when_written_ = false;
  bool shut_down_ = false;    // the layer accepts no more
  bool awaits_step_ = false;  // the layer continues to read when the thread has a heavy step for it
  bool was_backlogged_ = false;
  CloseReason written_reason_ = CloseReason::kLocal;  ///< of close_when_written()
  CloseReason close_reason_ = CloseReason::kLocal;
};

}  // namespace rocket::io
