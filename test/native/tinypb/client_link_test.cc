// A channel of TinyPB against servers that a test scripts.

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "support/held_thread.h"
#include "support/js_side.h"
#include "support/raw_listener.h"
#include "tinypb/client_link.h"

namespace rocket::test {
namespace {

/// Answers the next call; the client also asks whether the server is rocket-rpc.
void answer(RawPeer& peer) {
  auto request = peer.read_frame();
  while (request && request->method != "Echo.echo") request = peer.read_frame();
  ASSERT_TRUE(request.has_value());
  peer.send(make_frame({request->msg_id, request->method}, as_bytes("reply")));
}

TEST(TinyPbClientLink, GivesNoCallToAConnectionThatClosesInTheSameTurn) {
  const auto leave = std::make_shared<Signal>();
  const auto left = std::make_shared<Signal>();
  RawListener listener;
  JsSide js;
  const std::jthread server([&listener, leave, left] {
    RawPeer first(listener.accept());
    answer(first);
    leave->wait();
    first.close();
    left->set();
    RawPeer second(listener.accept());
    answer(second);
    second.read_to_end();
  });
  rpc::ClientOptions options;
  options.peer_is_rocket_rpc = true;  // so calls share the connection
  options.keepalive.time = Millis{0};
  options.first_backoff = Millis{1};
  const auto endpoint = js.add_endpoint(js.add_channel(options), listener.address);
  js.call(endpoint, {.body = "hello"});
  EXPECT_TRUE(js.pump_until([&] { return js.ended_calls() == 1; }));
  // While the client's io thread is held up, the connection ends and a call comes. It then reads the end first.
  HeldThread held(*js.io_threads(1).back());
  leave->set();
  EXPECT_TRUE(left->wait());
  const auto call = js.call(endpoint, {.body = "hello"});
  js.flush();
  held.go_on();
  EXPECT_TRUE(js.pump_until([&] { return js.ended_calls() == 2; }));
  EXPECT_TRUE(js.outcome(call).ok) << js.outcome(call).text;
  js.shut_down();
}

}  // namespace
}  // namespace rocket::test
