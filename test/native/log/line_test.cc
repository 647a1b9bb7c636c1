#include "log/line.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

namespace rocket::log {
namespace {

std::string written(Format format, const Line& line, std::size_t room = 1000) {
  std::string text(room, '#');
  text.resize(write_line(text, format, line));
  return text;
}

class LineTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  Line line_{.level = Level::kInfo,
             .unix_ms = 1'795'334'462'045,
             .tid = 7,
             .msg_id = "m1",
             .method = "Order.makeOrder",
             .file = "a.cc",
             .line = 12,
             .message = "hello"};
  const std::string pid_ = std::to_string(process_id());
};

TEST_F(LineTest, TextIsThatOfTheOriginalWithPaddedMilliseconds) {
  EXPECT_EQ(written(Format::kText, line_),
            "[INFO]\t[26-11-22 08:01:02.045]\t[" + pid_ + ":7]\t[m1]\t[Order.makeOrder]\t[a.cc:12]\thello\n");
}

TEST_F(LineTest, WhatIsMissingIsADash) {
  line_.msg_id = line_.method = line_.file = {};
  EXPECT_EQ(written(Format::kText, line_), "[INFO]\t[26-11-22 08:01:02.045]\t[" + pid_ + ":7]\t[-]\t[-]\t[-]\thello\n");
}

TEST_F(LineTest, JsonHasTheNamesOfPino) {
  EXPECT_EQ(written(Format::kJson, line_), R"({"level":30,"time":1795334462045,"pid":)" + pid_ +
                                               R"(,"tid":7,"msgId":"m1","method":"Order.makeOrder","msg":"hello"})"
                                               "\n");
}

TEST_F(LineTest, NothingInAMessageEndsALineOrCommandsATerminal) {
  line_.message =
      "a\nb\r\tc\x1b[31m\x7f\xc2\x9b"
      "d \xc3\xbc \"q\" \\";
  EXPECT_TRUE(written(Format::kText, line_).ends_with("a\\nb\\r\\tc\\x1b[31m\\x7f\\x9bd \xc3\xbc \"q\" \\\n"));
  EXPECT_TRUE(written(Format::kJson, line_)
                  .ends_with("\"msg\":\"a\\nb\\r\\tc\\u001b[31m\\u007f\\u009bd \xc3\xbc \\\"q\\\" \\\\\"}\n"));
  line_.msg_id = "1]\n[INFO]";
  EXPECT_NE(written(Format::kText, line_).find("[1]\\n[INFO]]"), std::string::npos);
}

TEST_F(LineTest, NothingIsWrittenPastTheRoom) {
  for (const Format format : {Format::kText, Format::kJson}) {
    const std::size_t whole = written(format, line_).size();
    for (std::size_t room = 0; room < whole; ++room) {
      std::string text(room + 1, '#');
      EXPECT_EQ(write_line({text.data(), room}, format, line_), 0U);
      EXPECT_EQ(text[room], '#');
    }
    EXPECT_EQ(written(format, line_, whole).size(), whole);
  }
}

}  // namespace
}  // namespace rocket::log
