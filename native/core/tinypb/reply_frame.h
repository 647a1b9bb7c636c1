#pragma once

#include <string>
#include <string_view>

#include "rpc/request_head.h"
#include "rpc/server_call.h"
#include "rpc/status.h"
#include "tinypb/frame.h"

namespace rocket::tinypb {

/// The part of a reply's message or metadata that may be sent to the sender of `call`: nothing that makes a C++ rocket
/// client overrun a buffer or stop reading (see tinypb/frame.h). `scratch` holds the text if it had to be changed.
std::string_view reply_text(const rpc::ServerCall& call, const rpc::Status& status, std::string_view text,
                            std::string& scratch);

/// Changes the parts of a reply that a C++ rocket client ignores, until the client cannot misread it
/// (tinypb/partial_scan.h): spaces behind the text, a checksum. `scratch` holds the text if it had to be changed.
/// `method_holds` is holds_start_byte() of its method.
void make_readable(FrameHead& head, ByteSpan body, bool method_holds, bool& checksum, std::string& scratch);

/// The longest text that is sent to any peer.
inline constexpr std::size_t kMaxTextBytes = 8 * 1024;
static_assert(kMaxTextBytes == rpc::kMostMetadataBytes);

/// Truncates to `most` bytes, but not inside a UTF-8 sequence, and replaces NUL bytes.
std::string_view fit_text(std::string_view text, std::size_t most, std::string& scratch);

}  // namespace rocket::tinypb
