// Native threads that log as fast as the disk lets them: the native half of the soak of bench:log.
// rocket_log_soak <folder> <threads> <lines of each>: each thread logs `native-<thread> <line>`.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "log/logger.h"

int main(int argc, char** argv) {
  using namespace rocket;
  const int threads = argc == 4 ? std::atoi(argv[2]) : 0;
  const int lines = argc == 4 ? std::atoi(argv[3]) : 0;
  if (threads < 1 || lines < 1) {
    std::fputs("usage: rocket_log_soak <folder> <threads> <lines of each>\n", stderr);
    return 2;
  }
  log::LoggerOptions options;
  options.output.folder = argv[1];
  options.output.max_file_bytes = 64 << 20;
  options.policy = log::Policy::kBlock;
  options.flush_timeout = std::chrono::minutes(1);
  const auto logger = log::Logger::open(options, std::make_shared<log::SystemFiles>());
  std::vector<std::thread> writers;
  for (int t = 0; t < threads; ++t) {
    writers.emplace_back([&logger, t, lines] {
      for (int i = 0; i < lines; ++i) {
        const std::string message = "native-" + std::to_string(t) + " " + std::to_string(i);
        log::Line line;
        line.message = message;
        logger->write(line);
      }
    });
  }
  for (auto& writer : writers) writer.join();
  const bool written = logger->flush(options.flush_timeout);
  logger->close();
  if (!written) std::fputs("rocket_log_soak: the log was not written within a minute\n", stderr);
  return written ? 0 : 1;
}
