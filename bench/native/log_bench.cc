// Nanoseconds a line costs the thread that logs it, ours against spdlog's asynchronous logger, in turns.
// rocket_log_bench <folder> [rounds] [lines per producer and round]: one JSON object.

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "log/logger.h"

namespace {

using Clock = std::chrono::steady_clock;

/// A producer logs so many lines and then pauses, as a server does between events: neither side is asked for more than
/// its writer can do.
constexpr int kBurst = 50;
constexpr auto kPause = std::chrono::milliseconds(1);

constexpr std::string_view kMsgId = "1795425493366-17";
constexpr std::string_view kMethod = "Order.makeOrder";

struct Result {
  double mean_ns = 0;
  double p999_ns = 0;
};

/// `say(i)` logs line i.
Result measure(int producers, int lines, const std::function<void(int)>& say) {
  std::vector<std::vector<double>> samples(static_cast<std::size_t>(producers));
  std::vector<std::thread> threads;
  for (auto& mine : samples) {
    threads.emplace_back([&mine, lines, &say] {
      mine.reserve(static_cast<std::size_t>(lines));
      for (int i = 0; i < lines; ++i) {
        const auto began = Clock::now();
        say(i);
        mine.push_back(std::chrono::duration<double, std::nano>(Clock::now() - began).count());
        if (i % kBurst == kBurst - 1) std::this_thread::sleep_for(kPause);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& mine : samples) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  Result result;
  for (const double ns : all) result.mean_ns += ns / static_cast<double>(all.size());
  result.p999_ns = all[all.size() * 999 / 1000];
  return result;
}

std::shared_ptr<rocket::log::Logger> open_ours(const std::string& folder) {
  rocket::log::LoggerOptions options;
  options.output.folder = folder;
  options.output.name = "ours";
  options.policy = rocket::log::Policy::kBlock;
  return rocket::log::Logger::open(options, std::make_shared<rocket::log::SystemFiles>());
}

void report(const char* name, const std::vector<Result>& rounds, const char* end) {
  std::printf("\"%s\":[", name);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    std::printf("%s{\"ns\":%.1f,\"p999\":%.0f}", i == 0 ? "" : ",", rounds[i].mean_ns, rounds[i].p999_ns);
  }
  std::printf("]%s", end);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rocket_log_bench <folder> [rounds] [lines]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const int lines = argc > 3 ? std::atoi(argv[3]) : 20'000;

  const auto ours = open_ours(folder);
  spdlog::init_thread_pool(8192, 1);
  const auto theirs = spdlog::create_async<spdlog::sinks::basic_file_sink_mt>("theirs", folder + "/theirs.log");
  theirs->set_pattern("[%l]\t[%y-%m-%d %H:%M:%S.%e]\t[%P:%t]\t%v");

  const auto say_ours = [&](int i) {
    char message[64];
    const int size = std::snprintf(message, sizeof message, "order %d accepted", i);
    rocket::log::Line line;
    line.msg_id = kMsgId;
    line.method = kMethod;
    line.file = "order.cc";
    line.line = 42;
    line.message = {message, static_cast<std::size_t>(size)};
    ours->write(line);
  };
  const auto say_theirs = [&](int i) {
    theirs->info("[{}]\t[{}]\t[order.cc:42]\torder {} accepted", kMsgId, kMethod, i);
  };

  std::vector<Result> ours_1, theirs_1, ours_4, theirs_4;
  measure(1, lines / 4, say_ours);
  measure(1, lines / 4, say_theirs);
  for (int round = 0; round < rounds; ++round) {
    ours_1.push_back(measure(1, lines, say_ours));
    theirs_1.push_back(measure(1, lines, say_theirs));
    ours_4.push_back(measure(4, lines, say_ours));
    theirs_4.push_back(measure(4, lines, say_theirs));
  }
  ours->close();
  theirs->flush();
  spdlog::shutdown();
  std::printf("{");
  report("ours1", ours_1, ",");
  report("spdlog1", theirs_1, ",");
  report("ours4", ours_4, ",");
  report("spdlog4", theirs_4, "}\n");
  return 0;
}
