#pragma once

#include <vector>

#include "io/connection.h"
#include "tinypb/client_call.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

/// Makes a call's request, in a form that no peer misreads (tinypb/partial_scan.h). One for all calls of a link.
class RequestFrame {
 public:
  /// May give the call another msg_id. False when there is no such form.
  bool make(ClientCallTable& calls, ClientCall& call, SteadyMs left_ms, std::string_view metadata, ByteSpan body,
            bool checksum);
  std::size_t bytes() const { return prefix_.size() + body_.size() + kSuffixBytes; }
  /// bytes() bytes.
  void write(std::uint8_t* to) const;
  /// `large_body`, when not empty, is moved from.
  void append_to(io::Connection& connection, OwnedBytes& large_body) const;

 private:
  void encode(const FrameHead& head, bool checksum);
  bool misread() const;

  std::vector<std::uint8_t> prefix_;
  ByteSpan body_;
  std::uint32_t checksum_ = kNoChecksum;
};

}  // namespace rocket::tinypb
