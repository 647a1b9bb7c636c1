#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rocket::grpc {

// `grpc-message` is percent-encoded: bytes outside of printable ASCII, and the percent sign.

/// How much of the beginning of `text` fits into `most` encoded bytes. Characters of UTF-8 stay whole.
std::string_view fit_percent_encoded(std::string_view text, std::size_t most);

std::size_t percent_encoded_bytes(std::string_view text);
/// Returns the end of what it has written.
std::uint8_t* percent_encode(std::uint8_t* out, std::string_view text);

/// What is no encoding stays as it is: a bad message is still worth reading.
std::string percent_decode(std::string_view text);

}  // namespace rocket::grpc
