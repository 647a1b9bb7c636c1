#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace rocket::bench {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::uint32_t connections = 50;
  std::uint32_t inflight = 1;
  double seconds = 5;
  double warmup_seconds = 1;
  std::size_t body_bytes = 100;
  std::string method = "Order.makeOrder";
  std::uint32_t deadline_ms = 0;
  std::uint32_t timeout_ms = 5000;
  bool connection_per_call = false;
  bool grpc = false;
  bool json = false;
  std::uint32_t idle_connections = 0;
};

// Prints what is wrong, or the help, and returns the exit code the program should end with.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};

ParsedOptions parse_options(int argc, char** argv);

}  // namespace rocket::bench
