#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "h2/field.h"

namespace rocket::h2 {

struct StaticEntry {
  std::string_view name;
  std::string_view value;
  Tag tag = Tag::kOther;
};

/// RFC 7541, appendix A; the first entry has index 1.
inline constexpr std::array<StaticEntry, 61> kStaticTable = {{
    {":authority", "", Tag::kAuthority},
    {":method", "GET", Tag::kMethod},
    {":method", "POST", Tag::kMethod},
    {":path", "/", Tag::kPath},
    {":path", "/index.html", Tag::kPath},
    {":scheme", "http", Tag::kScheme},
    {":scheme", "https", Tag::kScheme},
    {":status", "200", Tag::kStatus},
    {":status", "204", Tag::kStatus},
    {":status", "206", Tag::kStatus},
    {":status", "304", Tag::kStatus},
    {":status", "400", Tag::kStatus},
    {":status", "404", Tag::kStatus},
    {":status", "500", Tag::kStatus},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", "", Tag::kContentLength},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", "", Tag::kHost},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", "", Tag::kConnectionSpecific},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
}};

/// Indexes that replies use.
inline constexpr std::uint8_t kIndexStatus200 = 8;
inline constexpr std::uint8_t kIndexContentType = 31;
static_assert(kStaticTable[kIndexStatus200 - 1].value == "200");
static_assert(kStaticTable[kIndexContentType - 1].name == "content-type");

}  // namespace rocket::h2
