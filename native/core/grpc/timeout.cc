#include "grpc/timeout.h"

#include <cstdint>

namespace rocket::grpc {

namespace {

constexpr std::size_t kMostDigits = 8;

}  // namespace

std::optional<Millis> parse_timeout(std::string_view value) {
  if (value.size() < 2 || value.size() > kMostDigits + 1) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : value.substr(0, value.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  switch (value.back()) {
    case 'H': return Millis(number * 3'600'000);
    case 'M': return Millis(number * 60'000);
    case 'S': return Millis(number * 1000);
    case 'm': return Millis(number);
    case 'u': return Millis((number + 999) / 1000);
    case 'n': return Millis((number + 999'999) / 1'000'000);
    default: return std::nullopt;
  }
}

}  // namespace rocket::grpc
