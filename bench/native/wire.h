#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "frame.h"

namespace rocket::bench {

// What was found at the front of received bytes.
struct Answer {
  enum class Kind { kIncomplete, kMalformed, kReply, kOther };

  Kind kind;
  // Bytes to go on after: of a reply, or of a frame that ends no call.
  std::size_t bytes = 0;
  // None when no call waits for this reply.
  std::optional<CallId> id;
  // The reply's error code; 0 for success.
  std::int32_t code = 0;
};

// The protocol of one connection.
class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire() = default;

  // Appends what a client says first.
  virtual void open(std::vector<std::uint8_t>& out) = 0;
  // Appends a request. The slot's call before it, if unanswered, has been given up.
  virtual void request(std::vector<std::uint8_t>& out, const CallId& id) = 0;
  // Looks at the front of `bytes`; appends what the peer has to be told.
  virtual Answer next(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& out) = 0;
};

// `request` outlives it.
class TinypbWire final : public Wire {
 public:
  explicit TinypbWire(const RequestTemplate& request) : request_(request) {}

  void open(std::vector<std::uint8_t>&) override {}
  void request(std::vector<std::uint8_t>& out, const CallId& id) override { request_.append_to(out, id); }
  Answer next(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& out) override;

 private:
  const RequestTemplate& request_;
};

}  // namespace rocket::bench
