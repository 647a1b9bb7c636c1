// Nanoseconds a line costs the thread that logs it, ours against spdlog's asynchronous logger, in turns.
// rocket_log_bench <folder> [rounds] [lines per producer and round]: one JSON object.

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "log/logger.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kMsgId = "1795425493366-17";
constexpr std::string_view kMethod = "Order.makeOrder";

/// One after the other, as fast as they go; or fifty and then a pause of a millisecond, as a server between events.
enum class Pace { kSteady, kBursts };
constexpr int kBurst = 50;
constexpr auto kPause = std::chrono::milliseconds(1);

struct Result {
  double mean_ns = 0;
  double p999_ns = 0;
};

double ns_since(Clock::time_point began) {
  return std::chrono::duration<double, std::nano>(Clock::now() - began).count();
}

template <typename Say>
std::vector<double> in_threads(int producers, const Say& run) {
  std::vector<std::vector<double>> found(static_cast<std::size_t>(producers));
  std::vector<std::thread> threads;
  for (auto& mine : found) threads.emplace_back([&mine, &run] { mine = run(); });
  for (auto& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& mine : found) all.insert(all.end(), mine.begin(), mine.end());
  return all;
}

/// The mean is of runs that read the clock once in fifty lines, p99.9 of runs that read it at each. `say(i)` logs line
/// i.
template <typename Say>
Result measure(Pace pace, int producers, int lines, const Say& say) {
  const auto pause = [pace] {
    if (pace == Pace::kBursts) std::this_thread::sleep_for(kPause);
  };
  const auto bursts = in_threads(producers, [&] {
    std::vector<double> ns;
    ns.reserve(static_cast<std::size_t>(lines / kBurst));
    for (int i = 0; i < lines; i += kBurst) {
      const auto began = Clock::now();
      for (int j = 0; j < kBurst; ++j) say(i + j);
      ns.push_back(ns_since(began) / kBurst);
      pause();
    }
    return ns;
  });
  auto each = in_threads(producers, [&] {
    std::vector<double> ns;
    ns.reserve(static_cast<std::size_t>(lines));
    for (int i = 0; i < lines; ++i) {
      const auto began = Clock::now();
      say(i);
      ns.push_back(ns_since(began));
      if (i % kBurst == kBurst - 1) pause();
    }
    return ns;
  });
  const auto at = each.begin() + static_cast<std::ptrdiff_t>(each.size() * 999 / 1000);
  std::nth_element(each.begin(), at, each.end());
  return {std::accumulate(bursts.begin(), bursts.end(), 0.0) / static_cast<double>(bursts.size()), *at};
}

std::shared_ptr<rocket::log::Logger> open_ours(const std::string& folder) {
  rocket::log::LoggerOptions options;
  options.output.folder = folder;
  options.output.name = "ours";
  options.output.max_file_bytes = 0;
  options.policy = rocket::log::Policy::kBlock;
  return rocket::log::Logger::open(options, std::make_shared<rocket::log::SystemFiles>());
}

void report(const char* separator, const std::string& name, const std::vector<Result>& rounds) {
  std::printf("%s\"%s\":[", separator, name.c_str());
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    std::printf("%s{\"ns\":%.1f,\"p999\":%.0f}", i == 0 ? "" : ",", rounds[i].mean_ns, rounds[i].p999_ns);
  }
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rocket_log_bench <folder> [rounds] [lines]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const int lines = argc > 3 ? std::atoi(argv[3]) : 200'000;

  // Both make a producer wait when the writer is behind, so both write every line.
  const auto ours = open_ours(folder);
  spdlog::init_thread_pool(8192, 1);
  const auto theirs = spdlog::create_async<spdlog::sinks::basic_file_sink_mt>("theirs", folder + "/theirs.log");
  theirs->set_pattern("[%l]\t[%y-%m-%d %H:%M:%S.%e]\t[%P:%t]\t%v");

  const auto say_ours = [&](int i) {
    char message[64] = "order ";
    char* end = std::to_chars(message + 6, message + 40, i).ptr;
    end = std::copy_n(" accepted", 9, end);
    rocket::log::Line line;
    line.msg_id = kMsgId;
    line.method = kMethod;
    line.file = "order.cc";
    line.line = 42;
    line.message = {message, static_cast<std::size_t>(end - message)};
    ours->write(line);
  };
  const auto say_theirs = [&](int i) {
    theirs->info("[{}]\t[{}]\t[order.cc:42]\torder {} accepted", kMsgId, kMethod, i);
  };

  measure(Pace::kSteady, 1, lines / 4, say_ours);
  measure(Pace::kSteady, 1, lines / 4, say_theirs);
  std::printf("{");
  const char* separator = "";
  for (const Pace pace : {Pace::kSteady, Pace::kBursts}) {
    const int count = pace == Pace::kSteady ? lines : lines / 20;
    for (const int producers : {1, 4}) {
      std::vector<Result> mine;
      std::vector<Result> others;
      for (int round = 0; round < rounds; ++round) {
        mine.push_back(measure(pace, producers, count, say_ours));
        others.push_back(measure(pace, producers, count, say_theirs));
      }
      const std::string kind = (pace == Pace::kSteady ? "" : "Bursts") + std::to_string(producers);
      report(separator, "ours" + kind, mine);
      report(",", "spdlog" + kind, others);
      separator = ",";
    }
  }
  std::printf("}\n");
  ours->close();
  theirs->flush();
  spdlog::shutdown();
  return 0;
}
