#include <gtest/gtest.h>

#include <set>

#include "rpc/method_table.h"
#include "rpc/server_call.h"

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

TEST(MethodTable, SplitsAtTheLastDot) {
  MethodTable table;
  EXPECT_TRUE(table.add("shop.v1.Order.makeOrder"));
  EXPECT_TRUE(table.add("Order.makeOrder"));
  EXPECT_TRUE(table.add("Order.cancel"));
  EXPECT_FALSE(table.add("Order.cancel")) << "taken";
  for (const char* bad : {"", ".", "nodot", ".leading", "trailing."}) EXPECT_FALSE(table.add(bad)) << bad;
  EXPECT_EQ(table.size(), 3U);
  ASSERT_NE(table.find("shop.v1.Order", "makeOrder").method, nullptr);
  EXPECT_EQ(table.find("shop.v1.Order", "makeOrder").method->index, 0);
  ASSERT_NE(table.find("Order", "cancel").method, nullptr);
  EXPECT_EQ(table.find("Order", "cancel").method->index, 2);
  EXPECT_EQ(table.find("Order", "cancel").method->name, "Order.cancel");
  EXPECT_EQ(table.find("Order", "cancel").method->method(), "cancel");
}

TEST(MethodTable, SaysWhyThereIsNoMethod) {
  MethodTable table;
  table.add("shop.Order.makeOrder");
  const auto why = [&](std::string_view service, std::string_view method) { return table.find(service, method).why; };
  EXPECT_EQ(why("shop.Order", "other"), Reason::kNoMethod);
  EXPECT_EQ(why("Order", "makeOrder"), Reason::kNoService);
  EXPECT_EQ(why("shop.Order.makeOrder", "more"), Reason::kNoService);
  EXPECT_EQ(why("shop", "Order.makeOrder"), Reason::kNoService) << "the same letters, cut elsewhere";
  EXPECT_EQ(why("", ""), Reason::kNoName);
  EXPECT_EQ(why("", "makeOrder"), Reason::kNoName);
  EXPECT_EQ(why("shop.Order", ""), Reason::kNoName);
}

TEST(MethodTable, KnowsNativeMethodsBesidesThoseOfTheApplication) {
  MethodTable table;
  const NativeHandler handler = [](ServerShard&, ByteSpan) { return NativeAnswer{}; };
  table.add("Order.mine");
  EXPECT_TRUE(table.add_native("Order.native", handler));
  EXPECT_TRUE(table.add_native("Status.page", handler));
  EXPECT_FALSE(table.add_native("Order.mine", handler)) << "the application has it";
  EXPECT_EQ(table.find("Order", "mine").method->native, nullptr);
  EXPECT_EQ(table.find("Status", "page").method->native, handler);
  EXPECT_TRUE(table.has_service("Order"));
  EXPECT_FALSE(table.has_service("Status"));
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace rocket::rpc
