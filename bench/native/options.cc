#include "options.h"

#include <charconv>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace rocket::bench {
namespace {

constexpr int kUsageError = 64;

constexpr char kHelp[] =
    R"(rocket_loadgen --port P [options]: TinyPB or gRPC load from one thread, each connection in a closed loop

  --host ADDRESS     IPv4 address of the server (127.0.0.1)
  --port P           its port
  --connections N    connections kept open, or callers with --short (50)
  --inflight M       calls in flight on each connection (1)
  --seconds S        measured window (5)
  --warmup S         before it, not measured (1)
  --body BYTES       exact length of the protobuf message in a request (100)
  --method NAME      Service.method (Order.makeOrder)
  --deadline-ms N    sent as the request's err_code, or grpc-timeout; 0 sends none (0)
  --timeout-ms N     a call or a connect that takes longer has failed (5000)
  --short            a new TCP connection for every call
  --grpc             speak gRPC over HTTP/2 without TLS; bodies up to 16,379 bytes
  --json             print the figures as one line of JSON instead of a summary

  --idle N --hold-on-stdin
                     open N connections, print "connected N", hold them until a line or the end of stdin,
                     close them and print "closed"

Prints "measuring" when the warmup is over and "done" when the window is.
Exit code: 0 measured, 2 no connection could be made, 64 wrong options.
)";

constexpr std::size_t kMaxGrpcBody = 16'384 - 5;

struct Argument {
  std::string_view name;
  std::string_view value;
};

template <typename T>
T number(const Argument& argument, T least, T most) {
  T value{};
  const char* end = argument.value.data() + argument.value.size();
  const auto [rest, error] = std::from_chars(argument.value.data(), end, value);
  if (error != std::errc{} || rest != end || value < least || value > most) {
    throw std::invalid_argument("bad value for " + std::string(argument.name) + ": '" + std::string(argument.value) +
                                "'");
  }
  return value;
}

template <typename T>
T number(const Argument& argument, T least) {
  return number<T>(argument, least, std::numeric_limits<T>::max());
}

void apply(Options& options, const Argument& argument) {
  const std::string_view name = argument.name;
  if (name == "--host")
    options.host = argument.value;
  else if (name == "--port")
    options.port = number<std::uint16_t>(argument, 1);
  else if (name == "--connections")
    options.connections = number<std::uint32_t>(argument, 1, 1'000'000);
  else if (name == "--inflight")
    options.inflight = number<std::uint32_t>(argument, 1, 1 << 20);
  else if (name == "--seconds")
    options.seconds = number<double>(argument, 0.01, 3600);
  else if (name == "--warmup")
    options.warmup_seconds = number<double>(argument, 0, 3600);
  else if (name == "--body")
    options.body_bytes = number<std::size_t>(argument, 0, 1 << 30);
  else if (name == "--method")
    options.method = argument.value;
  else if (name == "--deadline-ms")
    options.deadline_ms = number<std::uint32_t>(argument, 0, 0x7fffffff);
  else if (name == "--timeout-ms")
    options.timeout_ms = number<std::uint32_t>(argument, 1, 3'600'000);
  else if (name == "--idle")
    options.idle_connections = number<std::uint32_t>(argument, 1, 1'000'000);
  else
    throw std::invalid_argument("unknown option " + std::string(name));
}

Options read_options(const std::vector<std::string_view>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--short")
      options.connection_per_call = true;
    else if (name == "--grpc")
      options.grpc = true;
    else if (name == "--json")
      options.json = true;
    else if (name == "--hold-on-stdin")
      continue;
    else if (i + 1 == arguments.size())
      throw std::invalid_argument("no value for " + std::string(name));
    else
      apply(options, {name, arguments[++i]});
  }
  if (options.port == 0) throw std::invalid_argument("--port is missing");
  if (options.body_bytes == 1) throw std::invalid_argument("--body 1: no message has an encoding of one byte");
  if (options.grpc && options.body_bytes > kMaxGrpcBody) {
    throw std::invalid_argument("--grpc sends a message in one DATA frame: --body is at most 16379");
  }
  if (options.connection_per_call && options.inflight != 1) {
    throw std::invalid_argument("--short has one call on a connection: leave --inflight at 1");
  }
  return options;
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  for (const std::string_view argument : arguments) {
    if (argument != "--help") continue;
    std::fputs(kHelp, stdout);
    return {std::nullopt, 0};
  }
  try {
    return {read_options(arguments), 0};
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "rocket_loadgen: %s (see --help)\n", error.what());
    return {std::nullopt, kUsageError};
  }
}

}  // namespace rocket::bench
