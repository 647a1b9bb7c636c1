#include "report.h"

#include <array>
#include <cstdio>
#include <utility>

namespace rocket::bench {
namespace {

struct Quantile {
  const char* key;
  const char* label;
  double fraction;
};

constexpr std::array<Quantile, 6> kQuantiles{{{"p50Us", "p50", 0.5},
                                              {"p75Us", "p75", 0.75},
                                              {"p90Us", "p90", 0.9},
                                              {"p95Us", "p95", 0.95},
                                              {"p99Us", "p99", 0.99},
                                              {"p999Us", "p99.9", 0.999}}};

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string micros(double nanos) { return fixed(nanos / 1000, 1); }

std::uint64_t failure_count(const Tally& tally) {
  std::uint64_t sum = 0;
  for (const auto& [code, count] : tally.failures) sum += count;
  return sum;
}

double per_second(std::uint64_t count, const Tally& tally) {
  return tally.seconds > 0 ? static_cast<double>(count) / tally.seconds : 0;
}

}  // namespace

std::string format_json(const Options& options, const Tally& tally) {
  std::string out = "{\"connections\":" + std::to_string(options.connections);
  const auto add = [&out](const char* key, const std::string& value) {
    out.append(",\"").append(key).append("\":").append(value);
  };
  add("inflight", std::to_string(options.inflight));
  add("seconds", fixed(tally.seconds, 4));
  add("calls", std::to_string(tally.latency.total()));
  add("failures", std::to_string(failure_count(tally)));
  std::string by_code;
  for (const auto& [code, count] : tally.failures) {
    by_code.append(by_code.empty() ? "\"" : ",\"").append(code).append("\":").append(std::to_string(count));
  }
  add("failuresByCode", "{" + by_code + "}");
  add("callsPerSecond", fixed(per_second(tally.latency.total(), tally), 1));
  add("bytesPerSecond", fixed(per_second(tally.bytes, tally), 0));
  for (const Quantile& quantile : kQuantiles) {
    add(quantile.key, micros(static_cast<double>(tally.latency.quantile(quantile.fraction))));
  }
  add("maxUs", micros(static_cast<double>(tally.latency.max())));
  add("avgUs", micros(tally.latency.mean()));
  add("unfinished", std::to_string(tally.unfinished));
  add("oldestUnfinishedUs", micros(static_cast<double>(tally.oldest_unfinished_nanos)));
  return out + "}\n";
}

std::string format_summary(const Options& options, const Tally& tally) {
  std::string out = std::to_string(options.connections) + (options.connection_per_call ? " callers" : " connections") +
                    " x " + std::to_string(options.inflight) + " in flight, " + fixed(tally.seconds, 2) + " s\n";
  out += std::to_string(tally.latency.total()) + " calls, " + fixed(per_second(tally.latency.total(), tally), 0) +
         " calls/s, " + fixed(per_second(tally.bytes, tally) / 1e6, 2) + " MB/s both ways\nlatency in us:";
  for (const Quantile& quantile : kQuantiles) {
    out += std::string(" ") + quantile.label + " " +
           micros(static_cast<double>(tally.latency.quantile(quantile.fraction)));
  }
  out += ", max " + micros(static_cast<double>(tally.latency.max())) + ", mean " + micros(tally.latency.mean()) + "\n";
  for (const auto& [code, count] : tally.failures) out += "failed (" + code + "): " + std::to_string(count) + "\n";
  if (tally.unfinished > 0) {
    out += "unfinished at the end: " + std::to_string(tally.unfinished) + ", the oldest for " +
           micros(static_cast<double>(tally.oldest_unfinished_nanos)) + " us\n";
  }
  return out;
}

}  // namespace rocket::bench
