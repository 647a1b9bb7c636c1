#include "rpc/foreign_protocol.h"

#include <array>
#include <string_view>

namespace rocket::rpc {

namespace {

// RFC 8446, 5.1: type, then a version that begins with 3.
constexpr std::uint8_t kTlsAlert = 21;
constexpr std::uint8_t kTlsHandshake = 22;
constexpr std::uint8_t kTlsMajor = 3;

// RFC 9113, 4.1: three bytes of length, type, flags, four of stream.
constexpr std::size_t kHttp2HeaderBytes = 9;
constexpr std::uint8_t kHttp2Settings = 4;
constexpr std::uint8_t kHttp2GoAway = 7;
constexpr std::size_t kHttp2MostBytes = 16384;

bool is_tls(ByteSpan head, std::uint8_t type) { return head.size() >= 2 && head[0] == type && head[1] == kTlsMajor; }

}  // namespace

const char* name_of(Foreign protocol) {
  switch (protocol) {
    case Foreign::kNone: return "none";
    case Foreign::kHttp1: return "http1";
    case Foreign::kHttp2: return "http2";
    case Foreign::kTls: return "tls";
    case Foreign::kPlain: return "plain";
  }
  return "unknown";
}

const char* title_of(Foreign protocol) {
  switch (protocol) {
    case Foreign::kNone: return "nothing known";
    case Foreign::kHttp1: return "HTTP/1";
    case Foreign::kHttp2: return "HTTP/2 (gRPC?)";
    case Foreign::kTls: return "TLS";
    case Foreign::kPlain: return "without TLS";
  }
  return "unknown";
}

Foreign foreign_client(ByteSpan head) {
  using namespace std::string_view_literals;
  const std::string_view text = as_text(head);
  if (text.starts_with("PRI * HTTP/2"sv)) return Foreign::kHttp2;
  constexpr std::array kMethods{"GET "sv,     "POST "sv,  "PUT "sv,     "HEAD "sv, "DELETE "sv,
                                "OPTIONS "sv, "PATCH "sv, "CONNECT "sv, "TRACE "sv};
  for (const auto method : kMethods) {
    if (text.starts_with(method)) return Foreign::kHttp1;
  }
  return is_tls(head, kTlsHandshake) ? Foreign::kTls : Foreign::kNone;
}

bool begins_tls(ByteSpan head) { return !head.empty() && head[0] == kTlsHandshake; }

Foreign foreign_server(ByteSpan head) {
  if (as_text(head).starts_with("HTTP/1.")) return Foreign::kHttp1;
  if (is_tls(head, kTlsAlert) || is_tls(head, kTlsHandshake)) return Foreign::kTls;
  if (head.size() < kHttp2HeaderBytes) return Foreign::kNone;
  const std::size_t size = std::size_t{head[0]} << 16 | std::size_t{head[1]} << 8 | head[2];
  const std::uint32_t stream = load_be32(head.data() + 5);
  const bool first = head[3] == kHttp2Settings ? size % 6 == 0 : head[3] == kHttp2GoAway && size >= 8;
  return first && size <= kHttp2MostBytes && head[4] == 0 && stream == 0 ? Foreign::kHttp2 : Foreign::kNone;
}

}  // namespace rocket::rpc
