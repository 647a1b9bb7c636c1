#include <gtest/gtest.h>

#include <set>

#include "tinypb/client_call.h"

namespace rocket::tinypb {
namespace {

void never(Timer&) { FAIL() << "no timer of these tests is armed"; }

class ClientCallTableTest : public testing::Test {
 protected:
  ClientCall& start() {
    ClientCall* call = table_.allocate();
    // What the table asks of it is only whether it is null.
    call->link = reinterpret_cast<rpc::ClientLink*>(this);
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

}  // namespace
}  // namespace rocket::tinypb
