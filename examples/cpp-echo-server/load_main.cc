// rocket_echo_load ADDRESS CONNECTIONS ECHOES BYTES: exits with 0 if every echo of every connection was equal.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "echo_load.h"

namespace {

/// A message is sent as a whole before its echo is read, so it has to fit into what the sockets buffer on the way:
/// otherwise server and caller wait for each other to read.
constexpr std::size_t kMostBytes = 64 * 1024;
constexpr std::chrono::seconds kPatience{60};

std::size_t number(const char* text) { return static_cast<std::size_t>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) {
  const auto address = argc == 5 ? rocket::io::parse_address(argv[1]) : std::nullopt;
  if (!address) {
    std::fprintf(stderr, "usage: rocket_echo_load NUMERIC_ADDRESS CONNECTIONS ECHOES BYTES\n");
    return 2;
  }
  const rocket::echo::LoadPlan plan{*address, number(argv[2]), number(argv[3]), number(argv[4])};
  if (plan.connections < 1 || plan.echoes < 1 || plan.bytes < 1 || plan.bytes > kMostBytes) {
    std::fprintf(stderr, "rocket_echo_load: at least 1 of each, and at most %zu bytes\n", kMostBytes);
    return 2;
  }

  rocket::io::IoThread io("load", 0);
  const auto load = std::make_shared<rocket::echo::EchoLoad>(io, plan);
  auto done = load->done();
  const auto began = std::chrono::steady_clock::now();
  load->start();
  if (done.wait_for(kPatience) != std::future_status::ready) {
    std::fprintf(stderr, "rocket_echo_load: not done after %lld s\n", static_cast<long long>(kPatience.count()));
    return 1;
  }
  const auto result = done.get();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu of %zu echoes equal, %zu connections, %.0f echoes/s\n",
              static_cast<unsigned long long>(result.equal), plan.connections * plan.echoes, plan.connections,
              static_cast<double>(result.equal) / took.count());
  if (!result.failure.empty()) std::fprintf(stderr, "rocket_echo_load: %s\n", result.failure.c_str());
  return result.failure.empty() ? 0 : 1;
}
