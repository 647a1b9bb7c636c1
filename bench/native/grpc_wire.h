#pragma once

#include <deque>
#include <memory>
#include <string>

#include <nghttp2/nghttp2.h>

#include "options.h"
#include "wire.h"

namespace rocket::bench {

// What the requests of a run have in common: the header blocks and the message.
class GrpcRequest {
 public:
  explicit GrpcRequest(const Options& options);

  // The first block of a connection enters its fields into the peer's table; those that follow refer to them.
  const std::vector<std::uint8_t>& first_block() const { return first_block_; }
  const std::vector<std::uint8_t>& block() const { return block_; }
  // With the five bytes before it.
  const std::vector<std::uint8_t>& message() const { return message_; }

 private:
  std::vector<std::uint8_t> first_block_;
  std::vector<std::uint8_t> block_;
  std::vector<std::uint8_t> message_;
};

// Unary gRPC over HTTP/2 without TLS (RFC 9113), as far as a load generator needs it: replies are small, so its windows
// are opened once and topped up; the peer's window of the connection is respected, that of a stream holds a request.
// Header blocks are decoded by libnghttp2, which shares no code with the servers of this project.
class GrpcWire final : public Wire {
 public:
  // `request` outlives it.
  GrpcWire(const GrpcRequest& request, std::uint32_t slots);
  ~GrpcWire() override;

  void open(std::vector<std::uint8_t>& out) override;
  void request(std::vector<std::uint8_t>& out, const CallId& id) override;
  Answer next(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& out) override;

 private:
  struct Call {
    CallId id{};
    std::uint32_t stream = 0;
    // Both HEADERS frames of a reply may carry it; the last one counts.
    std::int32_t status = -1;
    bool message = false;
  };
  // A block and what it said, so that one that comes again need not be decoded.
  struct Known {
    std::vector<std::uint8_t> block;
    std::int32_t status = -1;
  };
  struct Frame;

  void send(std::vector<std::uint8_t>& out, const CallId& id);
  void send_waiting(std::vector<std::uint8_t>& out);
  Call* find(std::uint32_t stream);
  Answer end(const Frame& frame, Call* call);
  Answer on_data(const Frame& frame, std::vector<std::uint8_t>& out);
  Answer on_headers(const Frame& frame);
  Answer on_settings(const Frame& frame, std::vector<std::uint8_t>& out);
  bool decode(std::span<const std::uint8_t> block, std::int32_t& status);

  const GrpcRequest& request_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::vector<Call> calls_;
  // Requests that the peer's window has no room for.
  std::deque<CallId> waiting_;
  std::uint32_t next_stream_ = 1;
  std::int64_t window_ = 65'535;
  std::uint32_t received_ = 0;
  Known replies_;
  Known trailers_;
};

}  // namespace rocket::bench
