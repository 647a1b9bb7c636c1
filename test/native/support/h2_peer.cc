#include "support/h2_peer.h"

#include <algorithm>
#include <cstdlib>

#include "h2/hpack_encoder.h"

namespace rocket::test {

H2Peer::H2Peer(std::string_view address, const Options& options)
    : peer_(address), gives_windows_(options.gives_windows), answers_pings_(options.answers_pings) {
  out_ = text_bytes(h2::kPreface);
  holding_ = true;
  frame(h2::FrameType::kSettings, 0, 0, options.settings);
  if (options.connection_window > 0) window_update(0, options.connection_window);
  send();
}

H2Peer::H2Peer(RawPeer accepted, const Options& options)
    : peer_(std::move(accepted)), gives_windows_(options.gives_windows), answers_pings_(options.answers_pings) {
  Bytes preface(h2::kPreface.size());
  std::size_t got = 0;
  while (got < preface.size()) {
    const auto more = peer_.receive(preface.data() + got, preface.size() - got);
    if (more == 0) return;
    got += more;
  }
  if (as_text(preface) != h2::kPreface) return;
  frame(h2::FrameType::kSettings, 0, 0, options.settings);
}

Bytes H2Peer::setting(h2::SettingId id, std::uint32_t value) {
  Bytes bytes(h2::kSettingBytes);
  h2::write_setting(bytes.data(), id, value);
  return bytes;
}

Bytes H2Peer::message(ByteSpan body, std::uint8_t flag) {
  Bytes bytes(5);
  bytes[0] = flag;
  store_be32(bytes.data() + 1, static_cast<std::uint32_t>(body.size()));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

H2Peer::Fields H2Peer::request(std::string_view path, const Fields& more) {
  Fields fields = {{":method", "POST"},    {":scheme", "http"}, {":path", std::string(path)},
                   {":authority", "here"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Bytes H2Peer::block_of(const Fields& fields) {
  std::size_t bound = 0;
  for (const auto& [name, value] : fields) bound += h2::literal_bound(name, value);
  Bytes block(bound);
  auto* end = block.data();
  for (const auto& [name, value] : fields) end = h2::write_literal(end, name, value);
  block.resize(static_cast<std::size_t>(end - block.data()));
  return block;
}

std::uint32_t H2Peer::open(const Fields& fields, bool end) {
  const std::uint32_t stream = next_stream_;
  next_stream_ += 2;
  frame(h2::FrameType::kHeaders, h2::kEndHeaders | (end ? h2::kEndStream : 0), stream, block_of(fields));
  return stream;
}

void H2Peer::data(std::uint32_t stream, ByteSpan bytes, bool end) {
  do {
    while (!bytes.empty() && window(stream) == 0) {
      if (holding_) send();
      if (replies_[stream].over() || !read_frame()) return;
    }
    const auto part = bytes.first(std::min({bytes.size(), std::size_t{h2::kDefaultMaxFrameBytes}, window(stream)}));
    sent_[stream] += part.size();
    sent_[0] += part.size();
    bytes = bytes.subspan(part.size());
    frame(h2::FrameType::kData, end && bytes.empty() ? h2::kEndStream : 0, stream, part);
  } while (!bytes.empty());
}

std::uint32_t H2Peer::call(std::string_view path, std::string_view body, const Fields& more) {
  const bool was_holding = std::exchange(holding_, true);
  const auto stream = open(request(path, more));
  data(stream, message(body), true);
  if (!was_holding) send();
  return stream;
}

std::size_t H2Peer::window(std::uint32_t stream) {
  const auto left = [&](std::uint32_t of) { return h2::kDefaultWindow + windows_given[of] - sent_[of]; };
  return std::min(left(stream), left(0));
}

void H2Peer::headers(std::uint32_t stream, const Fields& fields) {
  frame(h2::FrameType::kHeaders, h2::kEndHeaders, stream, block_of(fields));
}

void H2Peer::goaway(std::uint32_t last, h2::ErrorCode code, std::string_view text) {
  Bytes bytes(h2::goaway_bytes(text));
  h2::write_goaway(bytes.data(), last, code, text);
  write(bytes);
}

void H2Peer::trailers(std::uint32_t stream, const Fields& fields) {
  frame(h2::FrameType::kHeaders, h2::kEndHeaders | h2::kEndStream, stream, block_of(fields));
}

void H2Peer::reset(std::uint32_t stream, h2::ErrorCode code) {
  Bytes payload(4);
  store_be32(payload.data(), static_cast<std::uint32_t>(code));
  frame(h2::FrameType::kRstStream, 0, stream, payload);
}

void H2Peer::window_update(std::uint32_t stream, std::uint32_t increment) {
  Bytes payload(4);
  store_be32(payload.data(), increment);
  frame(h2::FrameType::kWindowUpdate, 0, stream, payload);
}

void H2Peer::frame(h2::FrameType type, std::uint8_t flags, std::uint32_t stream, ByteSpan payload) {
  Bytes bytes(h2::kFrameHeadBytes);
  h2::write_frame_head(bytes.data(), payload.size(), type, flags, stream);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  write(bytes);
}

void H2Peer::write(ByteSpan bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  if (!holding_) send();
}

void H2Peer::send() {
  holding_ = false;
  peer_.send(out_);
  out_.clear();
}

H2Peer::Reply H2Peer::wait(std::uint32_t stream) {
  read_until([&] { return replies_[stream].over(); });
  return replies_[stream];
}

bool H2Peer::settle() {
  frame(h2::FrameType::kPing, 0, 0, Bytes(h2::kPingDataBytes));
  const std::size_t wanted = answered_pings + 1;
  return read_until([&] { return answered_pings >= wanted; });
}

bool H2Peer::read_frame() {
  const auto needed = [this] {
    return in_.size() < h2::kFrameHeadBytes ? h2::kFrameHeadBytes : h2::read_frame_head(in_.data()).frame_bytes();
  };
  while (in_.size() < needed()) {
    const std::size_t before = in_.size();
    in_.resize(before + 65536);
    const std::size_t got = peer_.receive(in_.data() + before, 65536);
    in_.resize(before + got);
    if (got == 0) return false;
  }
  const auto head = h2::read_frame_head(in_.data());
  const Bytes payload(in_.begin() + h2::kFrameHeadBytes, in_.begin() + static_cast<std::ptrdiff_t>(head.frame_bytes()));
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(head.frame_bytes()));
  take(head, payload);
  return true;
}

void H2Peer::take(const h2::FrameHead& head, ByteSpan payload) {
  switch (static_cast<h2::FrameType>(head.type)) {
    case h2::FrameType::kSettings:
      if (!head.has(h2::kAck)) frame(h2::FrameType::kSettings, h2::kAck, 0, {});
      return;
    case h2::FrameType::kPing:
      if (head.has(h2::kAck)) {
        ++answered_pings;
        return;
      }
      pings.emplace_back(payload.begin(), payload.end());
      if (answers_pings_) frame(h2::FrameType::kPing, h2::kAck, 0, payload);
      return;
    case h2::FrameType::kGoaway:
      goaways.push_back(h2::read_goaway(payload));
      goaways.back().text = {};
      return;
    case h2::FrameType::kWindowUpdate: windows_given[head.stream] += load_be32(payload.data()); return;
    case h2::FrameType::kRstStream: replies_[head.stream].reset = h2::read_rst_stream(payload); return;
    case h2::FrameType::kHeaders:
    case h2::FrameType::kContinuation:
      if (head.is(h2::FrameType::kHeaders)) block_ends_ = head.has(h2::kEndStream);
      block_.insert(block_.end(), payload.begin(), payload.end());
      if (head.has(h2::kEndHeaders)) take_block(head.stream);
      return;
    case h2::FrameType::kData: {
      Reply& reply = replies_[head.stream];
      reply.data.insert(reply.data.end(), payload.begin(), payload.end());
      if (head.has(h2::kEndStream)) reply.ended = true;
      if (gives_windows_ && !payload.empty()) window_update(head.stream, head.length);
      return;
    }
    default: return;
  }
}

void H2Peer::take_block(std::uint32_t stream) {
  Reply& reply = replies_[stream];
  Fields& fields = reply.has_headers ? reply.trailers : reply.headers;
  const auto error = decoder_.decode(block_, scratch_, [&](const h2::Field& field) {
    fields.emplace_back(field.name, field.value);
    return true;
  });
  if (error != h2::HpackError::kNone) std::abort();
  block_.clear();
  reply.has_headers = true;
  if (block_ends_) reply.ended = true;
}

std::string H2Peer::Reply::field(std::string_view name) const {
  for (const auto* fields : {&trailers, &headers})
    for (const auto& [each, value] : *fields)
      if (each == name) return value;
  return {};
}

int H2Peer::Reply::status() const {
  const auto status = field("grpc-status");
  return status.empty() ? -1 : std::atoi(status.c_str());
}

}  // namespace rocket::test
