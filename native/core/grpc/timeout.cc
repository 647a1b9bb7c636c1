#include "grpc/timeout.h"

#include <algorithm>
#include <array>
#include <charconv>
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

std::string_view format_timeout(SteadyMs timeout, char* room) {
  constexpr SteadyMs kMost = 99'999'999;
  struct Unit {
    char name;
    SteadyMs millis;
  };
  constexpr std::array<Unit, 4> kUnits{{{'m', 1}, {'S', 1000}, {'M', 60'000}, {'H', 3'600'000}}};
  const Unit* unit = kUnits.data();
  while (unit != &kUnits.back() && (timeout + unit->millis - 1) / unit->millis > kMost) ++unit;
  const SteadyMs count = std::clamp<SteadyMs>((timeout + unit->millis - 1) / unit->millis, 0, kMost);
  char* end = std::to_chars(room, room + kMostTimeoutBytes, count).ptr;
  *end++ = unit->name;
  return {room, static_cast<std::size_t>(end - room)};
}

}  // namespace rocket::grpc
