#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rocket::grpc {

// `grpc-message` is percent-encoded: bytes outside printable ASCII, and the percent sign.

/// The longest prefix of `text` that fits into `most` encoded bytes. Characters of UTF-8 stay whole.
std::string_view fit_percent_encoded(std::string_view text, std::size_t most);

std::size_t percent_encoded_bytes(std::string_view text);
/// Returns the end of the written bytes.
std::uint8_t* percent_encode(std::uint8_t* out, std::string_view text);

/// Invalid encodings are left as they are: a bad message is still worth reading.
std::string percent_decode(std::string_view text);

}  // namespace rocket::grpc
