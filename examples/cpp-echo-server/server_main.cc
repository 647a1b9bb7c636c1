// rocket_echo_server [ADDRESS [IO_THREADS]]: echoes until SIGTERM or SIGINT. ADDRESS is 127.0.0.1:0 unless said
// otherwise.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

#include "echo_server.h"
#include "io/address.h"

int main(int argc, char** argv) {
  const std::string address_text = argc > 1 ? argv[1] : "127.0.0.1:0";
  const int io_threads = argc > 2 ? std::atoi(argv[2]) : 2;
  const auto address = rocket::io::parse_address(address_text);
  if (!address || io_threads < 1 || argc > 3) {
    std::fprintf(stderr, "usage: rocket_echo_server [NUMERIC_ADDRESS [IO_THREADS]]\n");
    return 2;
  }

  // Before there are other threads, which inherit it: the signals are for sigwait() alone.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  auto opened = rocket::io::Listener::open(*address, 4096);
  if (const auto* error = std::get_if<rocket::io::ListenError>(&opened)) {
    std::fprintf(stderr, "rocket_echo_server: %s failed with errno %d\n", error->step, error->code);
    return 1;
  }
  auto& listener = std::get<rocket::io::Listener>(opened);
  const std::string bound = listener.bound_text();
  rocket::echo::EchoServer server(std::move(listener), static_cast<std::size_t>(io_threads));
  std::printf("listening %s\n", bound.c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&ends, &signal);
  const auto total = server.stop();
  std::printf("echoed %llu bytes over %llu connections\n", static_cast<unsigned long long>(total.bytes),
              static_cast<unsigned long long>(total.sessions));
  return 0;
}
