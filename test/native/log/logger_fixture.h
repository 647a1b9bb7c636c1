#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/logger.h"
#include "support/memory_files.h"

namespace rocket::log {

using test::MemoryFiles;

inline constexpr Millis kLong{20'000};

inline void say(Logger& logger, std::string_view message, Level level = Level::kInfo) {
  logger.write(
      {.level = level, .unix_ms = 0, .tid = 0, .msg_id = {}, .method = {}, .file = {}, .line = 0, .message = message});
}

class LoggerTest : public testing::Test {
 protected:
  std::shared_ptr<Logger> open(Policy policy = Policy::kDropNewest, std::size_t buffer_bytes = 64 * 1024) {
    return open_rolling(0, policy, buffer_bytes);
  }
  std::shared_ptr<Logger> open_rolling(std::uint64_t max_file_bytes, Policy policy = Policy::kDropNewest,
                                       std::size_t buffer_bytes = 64 * 1024) {
    LoggerOptions options;
    options.output.folder = "/logs";
    options.output.name = "app";
    options.output.max_file_bytes = max_file_bytes;
    options.policy = policy;
    options.buffer_bytes = buffer_bytes;
    options.gather_every = gather_every_;
    options.flush_timeout = flush_timeout_;
    options.queue_bytes = queue_bytes_;
    return Logger::open(options, files_);
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> found;
    std::istringstream text(files_->all());
    for (std::string line; std::getline(text, line);) found.push_back(line.substr(line.rfind('\t') + 1));
    return found;
  }
  /// Messages, and how many lines the log itself says were dropped.
  std::pair<std::vector<std::string>, std::uint64_t> said_and_told() const {
    auto said = messages();
    std::uint64_t told = 0;
    std::erase_if(said, [&](const std::string& message) {
      if (message.find(" lines were dropped") == std::string::npos) return false;
      told += std::stoull(message);
      return true;
    });
    return {said, told};
  }
  std::shared_ptr<MemoryFiles> files_ = std::make_shared<MemoryFiles>();
  Millis gather_every_{20};
  Millis flush_timeout_{kLong};
  std::size_t queue_bytes_ = 1 << 20;
};

}  // namespace rocket::log
