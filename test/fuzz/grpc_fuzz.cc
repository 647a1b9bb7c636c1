// What gRPC adds to HTTP/2: a stream of messages gives the same messages however it is split; metadata that is found
// good is written as it was given; a message of a status survives its encoding.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "grpc/message_reader.h"
#include "grpc/metadata.h"
#include "grpc/percent.h"
#include "grpc/reply_block.h"
#include "grpc/request_line.h"
#include "grpc/timeout.h"
#include "h2/hpack_decoder.h"

namespace {

using namespace rocket::grpc;
using rocket::as_text;
using rocket::ByteSpan;
using Result = MessageReader::Result;

constexpr std::size_t kMost = 600;

void expect(bool holds) {
  if (!holds) std::abort();
}

struct Read {
  std::vector<std::string> messages;
  Result end = Result::kNeedsMore;
  bool operator==(const Read&) const = default;
};

Read read(ByteSpan bytes, std::size_t piece) {
  Read all;
  MessageReader reader;
  while (!bytes.empty()) {
    // A copy, so that a read past it is seen.
    const std::vector<std::uint8_t> part(bytes.begin(),
                                         bytes.begin() + static_cast<std::ptrdiff_t>(std::min(piece, bytes.size())));
    bytes = bytes.subspan(part.size());
    ByteSpan rest(part);
    while (!rest.empty()) {
      MessageReader::Message message;
      const Result result = reader.next(rest, kMost, message);
      expect(reader.held_bytes() <= std::max<std::size_t>(kMost, 1024));
      if (result == Result::kMessage) {
        all.messages.emplace_back(as_text(message.bytes));
      } else if (result != Result::kNeedsMore) {
        all.end = result;
        return all;
      }
    }
  }
  return all;
}

void check_blocks(std::string_view text) {
  const auto checked = check_metadata(text);
  ReplyBlocks blocks;
  const auto headers = blocks.headers(text, 0xffffffff);
  expect(headers.empty() == (checked.fault != MetadataFault::kNone));
  rocket::h2::HpackScratch scratch;
  for (const bool only : {false, true}) {
    for (const std::size_t most : {std::size_t{0}, std::size_t{200}, std::size_t{0xffffffff}}) {
      rocket::h2::HpackDecoder decoder;
      const auto block = blocks.trailers({2, text, text}, most, only);
      std::size_t fields = 0;
      expect(decoder.decode(block, scratch, [&](const rocket::h2::Field& field) {
        ++fields;
        return field.good_value && field.tag != rocket::h2::Tag::kMalformed;
      }) == rocket::h2::HpackError::kNone);
      expect(fields > 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  expect(read(bytes, 1 + data[0]) == read(bytes, std::max<std::size_t>(bytes.size(), 1)));
  const std::string text(as_text(bytes));
  std::string encoded(percent_encoded_bytes(text), ' ');
  percent_encode(reinterpret_cast<std::uint8_t*>(encoded.data()), text);
  expect(percent_decode(encoded) == text);
  expect(percent_encoded_bytes(fit_percent_encoded(text, data[0])) <= data[0]);
  if (const auto timeout = parse_timeout(text)) expect(timeout->count() >= 0);
  is_grpc_content_type(text);
  std::string_view service, method;
  if (split_path(text, service, method)) expect(!service.empty() && !method.empty());
  check_blocks(text);
  check_blocks(std::string(1, '\0') + text);
  return 0;
}
