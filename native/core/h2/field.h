#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rocket::h2 {

/// The kind of a field, found from its name alone. An entry of the dynamic table keeps it, so that a name that recurs
/// in each call is checked once. Values from kFirstOfUser are assigned by TagOf.
enum class Tag : std::uint8_t {
  kOther,
  kMalformed,  ///< not a name of HTTP/2: no token, or with an upper case letter
  kAuthority,
  kMethod,
  kPath,
  kScheme,
  kStatus,
  kProtocol,            ///< extended CONNECT (RFC 8441), which is not supported
  kUnknownPseudo,       ///< begins with a colon
  kConnectionSpecific,  ///< connection, keep-alive, proxy-connection, transfer-encoding, upgrade
  kTe,
  kHost,
  kContentLength,
  kFirstOfUser = 32,
};

inline constexpr bool is_pseudo(Tag tag) { return tag >= Tag::kAuthority && tag <= Tag::kUnknownPseudo; }

/// The tag of a name that h2 itself does not know: kOther, or one from kFirstOfUser.
using TagOf = Tag (*)(std::string_view name);

/// One field of a header block. The views are valid until the next field is decoded.
struct Field {
  std::string_view name;
  std::string_view value;
  Tag tag = Tag::kOther;
  bool good_value = true;    ///< without the bytes that RFC 9113 (8.2.1) forbids: NUL, CR and LF
  bool never_index = false;  ///< a proxy must forward it as such a literal

  /// Its size as SETTINGS_MAX_HEADER_LIST_SIZE and the dynamic table count it.
  std::size_t size() const { return name.size() + value.size() + 32; }
};

/// `user` is called for names that h2 does not know; may be null.
Tag tag_of_name(std::string_view name, TagOf user);
bool is_good_value(std::string_view value);

}  // namespace rocket::h2
