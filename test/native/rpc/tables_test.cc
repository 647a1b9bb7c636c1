#include <gtest/gtest.h>

#include <set>

#include "rpc/client_call.h"
#include "rpc/client_session.h"
#include "rpc/method_table.h"
#include "rpc/reply_frame.h"
#include "rpc/server_call.h"
#include "wire/wire_code.h"

namespace rocket::rpc {
namespace {

void never(Timer&) { FAIL() << "no timer of these tests is armed"; }

TEST(ServerCallTable, AReusedSlotHasAnotherGeneration) {
  ServerCallTable table(5, &never);
  ServerCall* first = table.allocate();
  ASSERT_NE(first, nullptr);
  const CallId id = first->id;
  EXPECT_EQ(id.io_thread(), 5U);
  EXPECT_EQ(table.find(id), first);
  EXPECT_EQ(&table.held(id), first);
  EXPECT_EQ(table.in_use(), 1U);
  first->answered = true;
  first->msg_id = std::string(4000, 'x');
  table.release(*first);
  EXPECT_EQ(table.find(id), nullptr);
  ServerCall* second = table.allocate();
  EXPECT_EQ(second, first);
  EXPECT_FALSE(second->answered.load());
  EXPECT_EQ(second->id.low, id.low);
  EXPECT_NE(second->id.high, id.high);
  EXPECT_EQ(table.find(id), nullptr) << "a late reply must not find the slot's next call";
  EXPECT_EQ(table.find(second->id), second);
  EXPECT_EQ(table.find({second->id.low + 1, second->id.high}), nullptr);
  EXPECT_EQ(table.find({0x00ffffff, 1}), nullptr);
  table.release(*second);
  EXPECT_EQ(table.in_use(), 0U);
}

TEST(ServerCallTable, GrowsAndKeepsItsSlotsWhereTheyAre) {
  ServerCallTable table(0, &never);
  std::vector<ServerCall*> calls;
  std::set<std::uint32_t> ids;
  for (std::size_t i = 0; i < 3 * ServerCallTable::kChunkCalls; ++i) {
    calls.push_back(table.allocate());
    ids.insert(calls.back()->id.low);
  }
  EXPECT_EQ(ids.size(), calls.size());
  for (ServerCall* call : calls) {
    EXPECT_EQ(table.find(call->id), call);
    table.release(*call);
  }
  EXPECT_EQ(table.in_use(), 0U);
}

class ClientCallTableTest : public testing::Test {
 protected:
  ClientCall& start() {
    ClientCall* call = table_.allocate();
    // What the table asks of it is only whether it is null.
    call->session = reinterpret_cast<ClientSession*>(this);
    return *call;
  }
  static std::string text(const ClientCallTable::MsgId& id) { return {id.data(), id.size()}; }
  ClientCallTable table_{&never, 0xdeadbeef};
};

TEST_F(ClientCallTableTest, FreshIdsHaveTwentyCharactersAndAreFoundAgain) {
  std::set<std::string> ids;
  std::vector<ClientCall*> calls;
  for (int i = 0; i < 1000; ++i) {
    ClientCall& call = start();
    const std::string id = text(table_.fresh_id(call));
    EXPECT_EQ(id.size(), 20U);
    EXPECT_EQ(id.substr(0, 8), "deadbeef");
    EXPECT_EQ(table_.find(id), &call);
    ids.insert(id);
    calls.push_back(&call);
  }
  EXPECT_EQ(ids.size(), 1000U);
  for (ClientCall* call : calls) table_.release(*call);
  for (const auto& id : ids) EXPECT_EQ(table_.find(id), nullptr) << "its call is over";
  EXPECT_EQ(table_.in_use(), 0U);
}

TEST_F(ClientCallTableTest, AReusedSlotHasAnotherId) {
  ClientCall& first = start();
  const std::string id = text(table_.fresh_id(first));
  table_.release(first);
  ClientCall& second = start();
  EXPECT_EQ(&second, &first);
  EXPECT_NE(text(table_.fresh_id(second)), id);
  EXPECT_EQ(table_.find(id), nullptr);
  table_.release(second);
}

TEST_F(ClientCallTableTest, GivenIdsAreClaimedOnce) {
  ClientCall& first = start();
  ClientCall& second = start();
  EXPECT_TRUE(table_.claim(first, "trace.1"));
  EXPECT_FALSE(table_.claim(second, "trace.1"));
  EXPECT_TRUE(second.msg_id.empty()) << "it goes by its fresh id";
  EXPECT_EQ(table_.find("trace.1"), &first);
  EXPECT_EQ(table_.find(text(table_.fresh_id(second))), &second);
  EXPECT_EQ(table_.find(text(table_.fresh_id(first))), nullptr) << "its peer was told another id";
  table_.release(first);
  EXPECT_EQ(table_.find("trace.1"), nullptr);
  EXPECT_TRUE(table_.claim(second, "trace.1"));
  EXPECT_EQ(table_.find("trace.1"), &second);
  table_.release(second);
}

TEST_F(ClientCallTableTest, FindsNothingForIdsItDidNotMake) {
  ClientCall& call = start();
  for (const std::string_view id : {"", "123456789", "deadbeef", "deadbeefzzzzz0000001", "deadbeef000000000002",
                                    "deadbeeffffff0000001", "deadbee0000000000001", "deadbeef0000000000001"}) {
    EXPECT_EQ(table_.find(id), nullptr) << id;
  }
  table_.release(call);
}

TEST(MethodTable, SplitsAtTheLastDot) {
  MethodTable table;
  EXPECT_TRUE(table.add("shop.v1.Order.makeOrder"));
  EXPECT_TRUE(table.add("Order.makeOrder"));
  EXPECT_TRUE(table.add("Order.cancel"));
  EXPECT_FALSE(table.add("Order.cancel")) << "taken";
  for (const char* bad : {"", ".", "nodot", ".leading", "trailing."}) EXPECT_FALSE(table.add(bad)) << bad;
  EXPECT_EQ(table.size(), 3U);
  ASSERT_NE(table.find("shop.v1.Order.makeOrder").entry, nullptr);
  EXPECT_EQ(table.find("shop.v1.Order.makeOrder").entry->number, 0);
  EXPECT_EQ(table.find("Order.cancel").entry->number, 2);
  EXPECT_EQ(table.find("Order.cancel").entry->name, "Order.cancel");
}

TEST(MethodTable, SaysWhyThereIsNoMethod) {
  MethodTable table;
  table.add("shop.Order.makeOrder");
  const auto code = [&](std::string_view name) { return table.find(name).wire_code; };
  EXPECT_EQ(code("shop.Order.other"), wire::kMethodNotFound);
  EXPECT_EQ(code("Order.makeOrder"), wire::kServiceNotFound);
  EXPECT_EQ(code("shop.Order.makeOrder.more"), wire::kServiceNotFound);
  for (const char* bad : {"", ".", "makeOrder", ".makeOrder", "shop.Order."}) {
    EXPECT_EQ(code(bad), wire::kParseServiceName) << bad;
  }
}

TEST(FitText, CutsBetweenCharacters) {
  std::string scratch;
  EXPECT_EQ(fit_text("hello", 10, scratch), "hello");
  EXPECT_EQ(fit_text("hello", 5, scratch), "hello");
  EXPECT_EQ(fit_text("hello", 4, scratch), "hell");
  const std::string_view text = "a\u00e9\u20ac\U0001f600z";  // 1 + 2 + 3 + 4 + 1 bytes
  const std::size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (std::size_t most = 0; most < std::size(whole); ++most) {
    EXPECT_EQ(fit_text(text, most, scratch), text.substr(0, whole[most])) << most;
  }
  EXPECT_EQ(fit_text("\x80\x80\x80", 2, scratch), "") << "no beginning to cut at";
}

TEST(FitText, ReplacesNulBytes) {
  std::string scratch;
  EXPECT_EQ(fit_text(std::string_view("a\0b\0", 4), 10, scratch), "a?b?");
  EXPECT_EQ(fit_text(std::string_view("ab\0", 3), 2, scratch), "ab");
}

TEST(ReplyText, GivesOldPeersOnlyWhatTheyCanTake) {
  std::string scratch;
  const std::string long_text(2000, 'x');
  ServerCall old_peer(&never);
  EXPECT_EQ(reply_text(old_peer, 0, "key=value", scratch), "") << "metadata is not for it";
  EXPECT_EQ(reply_text(old_peer, wire::kInternal, long_text, scratch).size(), wire::kOldPeerErrInfoBytes);
  ServerCall ours(&never);
  ours.extended = true;
  EXPECT_EQ(reply_text(ours, 0, "key=value", scratch), "key=value");
  EXPECT_EQ(reply_text(ours, wire::kInternal, long_text, scratch).size(), 2000U);
  EXPECT_EQ(reply_text(ours, wire::kInternal, std::string(20'000, 'x'), scratch).size(), kMaxTextBytes);
  ServerCall with_checksum(&never);
  with_checksum.wants_checksum = true;
  EXPECT_EQ(reply_text(with_checksum, wire::kInternal, long_text, scratch).size(), 2000U);
  EXPECT_EQ(reply_text(with_checksum, 0, "key=value", scratch), "") << "it sent neither metadata nor a deadline";
}

}  // namespace
}  // namespace rocket::rpc
