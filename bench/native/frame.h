#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocket::bench {

// A TinyPB frame: start byte, five length or code fields of four bytes, the checksum, the end byte.
inline constexpr std::size_t kEmptyFrameBytes = 26;
inline constexpr std::uint8_t kStartByte = 0x02;
inline constexpr std::uint8_t kEndByte = 0x03;

// The load generator names a call by the slot that waits for it and a number no other call has: 6 and 14 hex digits.
struct CallId {
  static constexpr std::size_t kBytes = 20;

  std::uint32_t slot;
  std::uint64_t sequence;

  void write(std::uint8_t* to) const;
  static std::optional<CallId> parse(std::string_view text);
};

// The requests of a run differ in their msg_id alone, so one frame is built and copied.
class RequestTemplate {
 public:
  // `deadline_ms` goes into err_code, where our servers read the time left for the call; 0 says nothing.
  RequestTemplate(std::string_view method, std::size_t body_bytes, std::uint32_t deadline_ms);

  std::size_t bytes() const { return frame_.size(); }
  void append_to(std::vector<std::uint8_t>& out, const CallId& id) const;

 private:
  std::vector<std::uint8_t> frame_;
};

struct Reply {
  enum class Kind { kIncomplete, kMalformed, kComplete };

  Kind kind;
  std::size_t frame_bytes = 0;
  std::string_view msg_id;
  std::int32_t err_code = 0;
};

// Looks at the frame at the front of `bytes`; `msg_id` points into them. A frame over `max_frame_bytes` is malformed.
Reply parse_reply(std::span<const std::uint8_t> bytes, std::size_t max_frame_bytes);

// Exactly `bytes` of protobuf: makeOrderRequest { price = 100; goods = "xxx..." }. One byte alone cannot be a
// message: it throws std::invalid_argument.
std::string make_order_body(std::size_t bytes);

}  // namespace rocket::bench
