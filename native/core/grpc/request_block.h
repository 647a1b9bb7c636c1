#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace rocket::grpc {

/// The headers that all requests of one link share, encoded once.
class RequestPrefix {
 public:
  RequestPrefix(std::string_view authority, std::string_view user_agent, std::string_view encodings,
                bool secured = false);

  /// `:method`, `:scheme`, `:authority`.
  ByteSpan pseudo() const { return pseudo_; }
  /// The other fields that each request has.
  ByteSpan regular() const { return regular_; }
  std::size_t list_bytes() const { return list_bytes_; }

 private:
  std::vector<std::uint8_t> pseudo_;
  std::vector<std::uint8_t> regular_;
  std::size_t list_bytes_ = 0;
};

/// Writes the header blocks of requests into memory that it reuses. A block is valid until the next is written. One
/// serves all sessions of a thread.
class RequestBlocks {
 public:
  /// Empty if the metadata cannot be sent: why() and too_large() say more. `method` is `package.Service.Method`; `most`
  /// the server's limit on a header list; without `timeout` the call has no deadline.
  ByteSpan request(const RequestPrefix& prefix, std::string_view method, SteadyMs timeout, std::string_view metadata,
                   std::size_t most);
  const std::string& why() const { return why_; }
  /// The peer's limit was the reason.
  bool too_large() const { return too_large_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::string why_;
  bool too_large_ = false;
};

/// JavaScript passes the longest timeout to mean "none", of which some time may have passed already: `grpc-timeout` is
/// left out then.
inline constexpr SteadyMs kNoTimeout = INT32_MAX - 86'400'000;

}  // namespace rocket::grpc
