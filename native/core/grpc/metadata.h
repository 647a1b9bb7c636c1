#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "h2/field.h"

namespace rocket::grpc {

// Between the core and JavaScript metadata of gRPC is one text, the NUL form: a NUL, then for each value its key, a
// NUL, the value, a NUL. Bytes are as on the wire: values of `-bin` keys stay base64. No metadata is the empty text.

/// The fields of a request that gRPC uses.
namespace tag {
using enum h2::Tag;
inline constexpr auto kContentType = static_cast<h2::Tag>(32);
inline constexpr auto kTimeout = static_cast<h2::Tag>(33);
inline constexpr auto kReserved = static_cast<h2::Tag>(34);  ///< of the protocol, not passed to the application
inline constexpr auto kEncoding = static_cast<h2::Tag>(35);
inline constexpr auto kForeignKey = static_cast<h2::Tag>(36);  ///< a name of HTTP that is not a key of gRPC
inline constexpr auto kAcceptEncoding = static_cast<h2::Tag>(37);
static_assert(kContentType == h2::Tag::kFirstOfUser);
}  // namespace tag

/// For h2::Options::tag_of. Fields of the application stay kOther.
h2::Tag tag_of(std::string_view name);

/// True: the field is passed to JavaScript.
inline bool crosses(h2::Tag tag) { return tag == h2::Tag::kOther; }

/// Adds a field of a request, whose name and value h2 has checked.
void append_pair(std::string& text, std::string_view key, std::string_view value);

enum class MetadataFault : std::uint8_t {
  kNone,
  kForm,      ///< it is not the NUL form
  kKey,       ///< empty, or not made of a-z 0-9 _ . -
  kReserved,  ///< a key that the protocol uses itself
  kValue,     ///< not of printable ASCII, or with a space at an end
  kBinary,    ///< the value of a `-bin` key is not base64
};
const char* name_of(MetadataFault fault);

/// Metadata from JavaScript, checked.
struct CheckedMetadata {
  MetadataFault fault = MetadataFault::kNone;
  std::string_view key;         ///< of the fault
  std::size_t list_bytes = 0;   ///< as SETTINGS_MAX_HEADER_LIST_SIZE counts
  std::size_t block_bytes = 0;  ///< upper bound for write_metadata()
};
CheckedMetadata check_metadata(std::string_view text);

/// Checked metadata, as literals of HPACK. Returns the end of the written bytes.
std::uint8_t* write_metadata(std::uint8_t* out, std::string_view text);

}  // namespace rocket::grpc
