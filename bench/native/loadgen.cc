#include <cmath>
#include <cstdio>
#include <exception>

#include <unistd.h>

#include "closed_loop.h"
#include "idle_hold.h"
#include "options.h"
#include "report.h"
#include "socket.h"

namespace rocket::bench {
namespace {

constexpr int kNeverConnected = 2;
constexpr unsigned kGraceSeconds = 5;
// Descriptors that are not connections: stdio, epoll, and room to spare.
constexpr std::uint64_t kOtherDescriptors = 16;

int measure(const Options& options, const sockaddr_in& server) {
  // The loop watches its own clock; the alarm ends the process if it cannot, say because nobody reads its stdout.
  const double longest = options.warmup_seconds + options.seconds + options.timeout_ms / 1000.0;
  ::alarm(static_cast<unsigned>(std::ceil(longest)) + kGraceSeconds);
  ClosedLoop loop(options, server);
  if (loop.run() == ClosedLoop::Outcome::kNeverConnected) {
    std::fprintf(stderr, "rocket_loadgen: no connection to %s:%u\n", options.host.c_str(), unsigned{options.port});
    return kNeverConnected;
  }
  std::fputs((options.json ? format_json : format_summary)(options, loop.tally()).c_str(), stdout);
  return 0;
}

int run(const Options& options) {
  const auto server = ipv4_address(options.host, options.port);
  if (!server) {
    std::fprintf(stderr, "rocket_loadgen: --host %s is not an IPv4 address\n", options.host.c_str());
    return kNeverConnected;
  }
  const bool idle = options.idle_connections > 0;
  const std::uint64_t wanted = (idle ? options.idle_connections : options.connections) + kOtherDescriptors;
  if (const std::uint64_t limit = raise_descriptor_limit(); limit < wanted) {
    std::fprintf(stderr, "rocket_loadgen: needs %llu descriptors, the hard limit is %llu (ulimit -Hn)\n",
                 static_cast<unsigned long long>(wanted), static_cast<unsigned long long>(limit));
    return kNeverConnected;
  }
  return idle ? hold_idle(options, *server) : measure(options, *server);
}

}  // namespace
}  // namespace rocket::bench

int main(int argc, char** argv) {
  const auto parsed = rocket::bench::parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  try {
    return rocket::bench::run(*parsed.options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rocket_loadgen: %s\n", error.what());
    return 1;
  }
}
