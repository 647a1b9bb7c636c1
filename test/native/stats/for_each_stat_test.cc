#include "stats/for_each_stat.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/js_side.h"
#include "tinypb/frame.h"

namespace rocket::stats {
namespace {

using test::JsSide;
using test::make_frame;
using test::RawPeer;

/// A visitor that writes lines as a page of metrics would.
class Page {
 public:
  Visit visitor() {
    return [this](const Stat& stat) {
      std::string name(stat.name);
      if (!stat.label.empty()) name.append("{").append(stat.label_name).append("=").append(stat.label).append("}");
      EXPECT_TRUE(values.emplace(name, stat.value).second) << name << " comes twice";
      kinds[name] = stat.kind;
      if (names.empty() || names.back() != stat.name) names.emplace_back(stat.name);
    };
  }

  std::map<std::string, double> values;
  std::map<std::string, Kind> kinds;
  std::vector<std::string> names;  // without repetition
};

TEST(ForEachStat, VisitsWhatAServerCounts) {
  JsSide js;
  const auto server = js.add_server();
  const auto address = js.listen(*server);
  RawPeer peer(address);
  ASSERT_TRUE(peer.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  ASSERT_TRUE(peer.read_frame());
  Page page;
  for_each_stat(*server, page.visitor());
  EXPECT_EQ(page.values.at("callsTotal"), 1);
  EXPECT_EQ(page.values.at("connections"), 1);
  EXPECT_EQ(page.values.at("connectionsClosed{reason=idle_timeout}"), 0);
  EXPECT_EQ(page.values.at("framesRejected{reason=bad_checksum}"), 0);
  EXPECT_EQ(page.values.count("framesRejected{reason=none}"), 0U);
  EXPECT_EQ(page.kinds.at("callsTotal"), Kind::kCounter);
  EXPECT_EQ(page.kinds.at("callsInFlight"), Kind::kGauge);
  EXPECT_EQ(page.kinds.at("connectionsClosed{reason=idle_timeout}"), Kind::kCounter);
}

TEST(ForEachStat, VisitsStatsOfOneNameTogether) {
  JsSide js;
  const auto server = js.add_server();
  const auto channel = js.add_channel();
  Page of_server;
  Page of_channel;
  Page of_engine;
  for_each_stat(*server, of_server.visitor());
  for_each_stat(*channel, of_channel.visitor());
  for_each_stat(&js.engine(), js.inbox(), js.outbox(), of_engine.visitor());
  for (Page* page : {&of_server, &of_channel, &of_engine}) {
    std::map<std::string, int> runs;
    for (const auto& name : page->names) ++runs[name];
    for (const auto& [name, count] : runs) EXPECT_EQ(count, 1) << name;
    EXPECT_GT(runs.size(), 8U);
  }
  EXPECT_EQ(of_channel.values.at("callsTotal"), 0);
  EXPECT_GE(of_engine.values.at("ioThreads"), 1);
}

TEST(ForEachStat, HasNoThreadsWithoutAnEngine) {
  JsSide js;
  Page page;
  for_each_stat(nullptr, js.inbox(), js.outbox(), page.visitor());
  EXPECT_EQ(page.values.at("ioThreads"), 0);
}

}  // namespace
}  // namespace rocket::stats
