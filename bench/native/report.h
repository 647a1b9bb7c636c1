#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "histogram.h"
#include "options.h"

namespace rocket::bench {

// What the measured window saw. A call that was in flight when the window opened counts if it ends inside.
struct Tally {
  Histogram latency;
  // By the reply's err_code, or: connect, closed, timeout, malformed, unmatched.
  std::map<std::string, std::uint64_t> failures;
  std::uint64_t bytes = 0;
  double seconds = 0;
  // Calls without an end when the window closed. With a frozen server they are the only trace of it.
  std::uint64_t unfinished = 0;
  std::int64_t oldest_unfinished_nanos = 0;
};

// One line of JSON, or a few lines for a reader; both end with a newline.
std::string format_json(const Options& options, const Tally& tally);
std::string format_summary(const Options& options, const Tally& tally);

}  // namespace rocket::bench
