#include <gtest/gtest.h>

#include <string>

#include "support/js_side.h"
#include "support/on_io.h"

namespace rocket::rpc {
namespace {

using test::EventView;
using test::JsSide;
using test::make_frame;
using test::RawPeer;

// Nothing on TinyPB's wire tells a peer to go elsewhere.
TEST(ConnectionLifetime, AnOldTinypbConnectionIsClosedWhenItIsQuiet) {
  JsSide js;
  ServerOptions options;
  options.max_connection_age = Millis(10);
  const auto server = js.add_server(options);
  const auto address = js.listen(*server);
  std::uint32_t low = 0, high = 0;
  js.on_request = [&](const EventView& event) {
    low = event.id_low;
    high = event.id_high;
  };
  RawPeer busy(address);
  ASSERT_TRUE(busy.send(make_frame({"1", "Echo.echo", 0, ""}, as_bytes("x"))));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 1; }));
  RawPeer begun(address);
  const auto frame = make_frame({"2", "Echo.echo", 0, ""}, as_bytes("y"));
  ASSERT_TRUE(begun.send(ByteSpan(frame).first(frame.size() - 1)));
  RawPeer quiet(address);
  ASSERT_TRUE(quiet.send(make_frame({"3", "no.such", 0, ""}, as_bytes("z"))));
  ASSERT_TRUE(quiet.read_frame());
  EXPECT_FALSE(quiet.read_frame());
  const auto closed = [&](std::uint64_t count) {
    return test::eventually(js.io_threads(1), [&, count] {
      return server->counters.connections_closed[static_cast<std::size_t>(io::CloseReason::kMaxAge)].load() == count;
    });
  };
  ASSERT_TRUE(closed(1));
  EXPECT_EQ(server->gauges.open.load(), 2);
  js.reply(low, high, as_bytes("done"));
  js.flush();
  EXPECT_EQ(busy.read_frame().value().msg_id, "1");
  EXPECT_FALSE(busy.read_frame());
  ASSERT_TRUE(begun.send(ByteSpan(frame).last(1)));
  ASSERT_TRUE(js.pump_until([&] { return js.requests == 2; }));
  js.reply(low, high, as_bytes("done"));
  js.flush();
  EXPECT_EQ(begun.read_frame().value().msg_id, "2");
  EXPECT_FALSE(begun.read_frame());
  EXPECT_TRUE(closed(3));
}

}  // namespace
}  // namespace rocket::rpc
