#include "grpc/request_block.h"

#include <cstring>

#include "grpc/metadata.h"
#include "grpc/timeout.h"
#include "h2/hpack_encoder.h"

namespace rocket::grpc {

namespace {

// Entries of HPACK's static table.
constexpr std::uint8_t kAuthority = 1;
constexpr std::uint8_t kMethodPost = 3;
constexpr std::uint8_t kPath = 4;
constexpr std::uint8_t kSchemeHttp = 6;
constexpr std::uint8_t kSchemeHttps = 7;
constexpr std::uint8_t kContentType = 31;
constexpr std::uint8_t kUserAgent = 58;

constexpr std::size_t field_bytes(std::size_t name, std::size_t value) { return name + value + 32; }

std::uint8_t* put(std::uint8_t* out, ByteSpan bytes) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

/// Writes `/package.Service/Method` as a literal; `method` has a dot before its last part.
std::uint8_t* write_path(std::uint8_t* out, std::string_view method) {
  const auto point = method.rfind('.');
  *out++ = kPath;
  out = h2::write_integer(out, 0, 0x7f, 1 + method.size());
  *out++ = '/';
  std::memcpy(out, method.data(), method.size());
  if (point != std::string_view::npos) out[point] = '/';
  return out + method.size();
}

constexpr std::string_view kTimeout = "grpc-timeout";
constexpr std::size_t kMostFieldBytes = 2 * h2::kMaxIntegerBytes + 1;

}  // namespace

RequestPrefix::RequestPrefix(std::string_view authority, std::string_view user_agent, std::string_view encodings,
                             bool secured) {
  constexpr std::string_view kType = "application/grpc";
  pseudo_.resize(2 + kMostFieldBytes + authority.size());
  auto* out = pseudo_.data();
  out = h2::write_indexed(out, kMethodPost);
  out = h2::write_indexed(out, secured ? kSchemeHttps : kSchemeHttp);
  out = h2::write_literal(out, kAuthority, authority);
  pseudo_.resize(static_cast<std::size_t>(out - pseudo_.data()));
  regular_.resize(128 + user_agent.size() + encodings.size());
  out = regular_.data();
  out = h2::write_literal(out, "te", "trailers");
  out = h2::write_literal(out, kContentType, kType);
  out = h2::write_literal(out, kUserAgent, user_agent);
  out = h2::write_literal(out, "grpc-accept-encoding", encodings);
  regular_.resize(static_cast<std::size_t>(out - regular_.data()));
  list_bytes_ = field_bytes(7, 4) + field_bytes(7, secured ? 5 : 4) + field_bytes(10, authority.size()) +
                field_bytes(2, 8) + field_bytes(12, kType.size()) + field_bytes(10, user_agent.size()) +
                field_bytes(20, encodings.size());
}

ByteSpan RequestBlocks::request(const RequestPrefix& prefix, std::string_view method, SteadyMs timeout,
                                std::string_view metadata, std::size_t most) {
  const auto checked = check_metadata(metadata);
  too_large_ = false;
  if (checked.fault != MetadataFault::kNone) {
    why_ = "the call's metadata has ";
    why_ += name_of(checked.fault);
    if (!checked.key.empty()) why_.append(": ").append(checked.key.substr(0, 64));
    return {};
  }
  const std::size_t list = prefix.list_bytes() + field_bytes(5, 1 + method.size()) +
                           field_bytes(kTimeout.size(), kMostTimeoutBytes) + checked.list_bytes;
  if (list > most) {
    too_large_ = true;
    why_ = "the call's metadata takes " + std::to_string(list) + " bytes, over the server's limit of " +
           std::to_string(most) + " (SETTINGS_MAX_HEADER_LIST_SIZE)";
    return {};
  }
  const std::size_t most_bytes = prefix.pseudo().size() + prefix.regular().size() + method.size() + kTimeout.size() +
                                 kMostTimeoutBytes + 3 * kMostFieldBytes + checked.block_bytes;
  if (bytes_.size() < most_bytes) bytes_.resize(most_bytes);
  auto* end = put(bytes_.data(), prefix.pseudo());
  end = write_path(end, method);
  end = put(end, prefix.regular());
  if (timeout < kNoTimeout) {
    char text[kMostTimeoutBytes];
    end = h2::write_literal(end, kTimeout, format_timeout(timeout, text));
  }
  end = write_metadata(end, metadata);
  return {bytes_.data(), end};
}

}  // namespace rocket::grpc
