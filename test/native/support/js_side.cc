#include "support/js_side.h"

#include <numeric>
#include <stdexcept>

#include "tinypb/client_link.h"
#include "tinypb/protocol.h"
#include "tinypb/status.h"

namespace rocket::test {

using rpc::CommandKind;
using rpc::EventKind;
namespace event_word = rpc::event_word;

namespace {

rpc::Inbox::Slab slab_of(std::vector<std::uint8_t>& bytes, std::vector<std::int32_t>& words,
                         const rpc::Inbox::Limits& limits) {
  bytes.resize(limits.slab_bytes);
  words.resize(limits.max_events * rpc::kEventWords);
  return {bytes.data(), words.data()};
}

std::int32_t code_of(const std::int32_t* words) {
  switch (static_cast<EventKind>(words[event_word::kKind])) {
    case EventKind::kFailure: return words[event_word::kLast];
    case EventKind::kAbort: return tinypb::wire_code_of(rpc::Status::from_word(words[event_word::kCode], 0));
    default: return words[event_word::kCode];
  }
}

}  // namespace

JsSide::JsSide(const rpc::Inbox::Limits& limits)
    : inbox_(std::make_shared<rpc::Inbox>(slab_of(slab_bytes_[0], slab_words_[0], limits),
                                          slab_of(slab_bytes_[1], slab_words_[1], limits), limits, wake_)),
      outbox_(inbox_) {}

std::vector<io::IoThread*> JsSide::io_threads(std::size_t count) {
  std::vector<io::IoThread*> all{&engine_->main()};
  for (rpc::Lane* lane : engine_->lanes(count)) all.push_back(&lane->io);
  return all;
}

std::shared_ptr<rpc::Server> JsSide::add_server(const rpc::ServerOptions& options,
                                                const std::vector<std::string>& methods, rpc::MethodKind kind) {
  rpc::MethodTable table;
  for (const auto& name : methods) table.add(name, 0, kind);
  rpc::ServerOptions with_protocol = options;
  if (options.protocols.empty()) with_protocol.protocols = {&tinypb::kProtocol};
  auto server = std::make_shared<rpc::Server>(engine_, with_protocol, std::move(table));
  servers_.push_back({server, join(*server)});
  return server;
}

std::shared_ptr<const rpc::Consumer> JsSide::join(rpc::Server& server) {
  std::vector<std::int32_t> numbers(server.methods().size());
  std::iota(numbers.begin(), numbers.end(), 0);
  auto consumer = std::make_shared<const rpc::Consumer>(next_number_++, inbox_, std::move(numbers));
  server.add_consumer(consumer);
  return consumer;
}

std::int32_t JsSide::number_of(const rpc::Server& server) const {
  for (const auto& served : servers_) {
    if (served.server.get() == &server) return served.consumer->number();
  }
  return 0;
}

std::string JsSide::listen(rpc::Server& server, const std::string& address) {
  auto opened = io::Listener::open(*io::parse_address(address), 1024);
  if (std::holds_alternative<io::ListenError>(opened)) throw std::runtime_error("cannot listen on " + address);
  auto& listener = std::get<io::Listener>(opened);
  if (!io::parse_address(address)->is_unix()) listener.set_stream_options();
  auto bound = listener.bound_text();
  server.listen(std::move(listener));
  return bound;
}

std::shared_ptr<rpc::ClientChannel> JsSide::add_channel(const rpc::ClientOptions& options) {
  auto with_protocol = options;
  if (options.protocol == nullptr) with_protocol.protocol = &tinypb::kClientProtocol;
  auto channel = std::make_shared<rpc::ClientChannel>(inbox_, with_protocol);
  channel->methods.push_back({"Echo.echo"});
  return channel;
}

std::int32_t JsSide::add_endpoint(const std::shared_ptr<rpc::ClientChannel>& channel, const std::string& address) {
  auto info = std::make_shared<rpc::ClientEndpointInfo>();
  info->number = next_number_++;
  info->name = address;
  auto& endpoint = endpoints_[info->number];
  endpoint = std::make_unique<rpc::ClientEndpoint>(*engine_, channel, info,
                                                   std::vector<io::Address>{*io::parse_address(address)});
  outbox_.add_endpoint(info->number, *endpoint);
  return info->number;
}

rpc::Command& JsSide::add_command(CommandKind kind, ByteSpan payload, std::string_view text, std::string_view msg_id) {
  rpc::Command command{};
  command.kind = kind;
  command.payload = static_cast<std::uint32_t>(payload.size());
  if (payload.size() > rpc::kLargePayloadBytes) {
    command.flags |= rpc::command_flag::kLargePayload;
    command_large_.push_back(OwnedBytes::copy_of(payload));
  } else {
    command.payload_at = static_cast<std::uint32_t>(command_bytes_.size());
    command_bytes_.insert(command_bytes_.end(), payload.begin(), payload.end());
  }
  command.text_at = static_cast<std::uint32_t>(command_bytes_.size());
  command.text = static_cast<std::uint32_t>(text.size());
  command.more = static_cast<std::uint32_t>(msg_id.size());
  command_bytes_.insert(command_bytes_.end(), text.begin(), text.end());
  command_bytes_.insert(command_bytes_.end(), msg_id.begin(), msg_id.end());
  return commands_.emplace_back(command);
}

void JsSide::reply(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload, std::int32_t code,
                   std::string_view text) {
  auto& command = add_command(CommandKind::kReply, payload, text, {});
  command.id_low = id_low;
  command.id_high = id_high;
  command.code = tinypb::status_of(code).word();
  command.method = code;
}

void JsSide::reply_with(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload, std::string_view metadata,
                        std::string_view trailers) {
  auto& command = add_command(CommandKind::kReply, payload, metadata, trailers);
  command.id_low = id_low;
  command.id_high = id_high;
}

void JsSide::fail_with(std::uint32_t id_low, std::uint32_t id_high, const rpc::Status& status, std::string_view text,
                       std::string_view trailers) {
  auto& command = add_command(CommandKind::kReply, {}, text, trailers);
  command.id_low = id_low;
  command.id_high = id_high;
  command.code = status.word();
  command.method = status.own;
}

void JsSide::end(std::uint32_t id_low, std::uint32_t id_high) {
  auto& command = add_command(CommandKind::kRelease, {}, {}, {});
  command.id_low = id_low;
  command.id_high = id_high;
}

void JsSide::message(std::uint32_t id_low, std::uint32_t id_high, ByteSpan payload) {
  auto& command = add_command(CommandKind::kMessage, payload, {}, {});
  command.id_low = id_low;
  command.id_high = id_high;
}

void JsSide::headers(std::uint32_t id_low, std::uint32_t id_high, std::string_view metadata) {
  auto& command = add_command(CommandKind::kHeaders, {}, metadata, {});
  command.id_low = id_low;
  command.id_high = id_high;
}

void JsSide::taken(std::uint32_t id_low, std::uint32_t id_high, std::size_t bytes) {
  auto& command = add_command(CommandKind::kTaken, {}, {}, {});
  command.id_low = id_low;
  command.id_high = id_high;
  command.code = static_cast<std::int32_t>(bytes);
}

void JsSide::finish(std::uint32_t id_low, std::uint32_t id_high, std::int32_t code, std::string_view text) {
  auto& command = add_command(CommandKind::kFinish, {}, text, {});
  command.id_low = id_low;
  command.id_high = id_high;
  command.code = tinypb::status_of(code).word();
  command.method = code;
}

std::size_t JsSide::call(std::int32_t endpoint, const Call& call) {
  auto& command = add_command(CommandKind::kCall, as_bytes(call.body), call.metadata, call.msg_id);
  command.id_low = static_cast<std::uint32_t>(outcomes_.size());
  command.id_high = command.id_low ^ 0x5555;  // a generation that is not the index
  command.code = endpoint;
  command.method = call.method;
  command.timeout_ms = call.timeout_ms;
  if (call.open) command.flags |= rpc::command_flag::kOpen;
  outcomes_.emplace_back();
  return outcomes_.size() - 1;
}

rpc::Command& JsSide::add_call_command(CommandKind kind, std::size_t call, ByteSpan payload) {
  auto& command = add_command(kind, payload, {}, {});
  command.id_low = static_cast<std::uint32_t>(call);
  command.id_high = command.id_low ^ 0x5555;
  return command;
}

void JsSide::cancel(std::size_t call) { add_call_command(CommandKind::kCancel, call, {}); }

void JsSide::request_message(std::size_t call, ByteSpan payload) {
  add_call_command(CommandKind::kRequestMessage, call, payload);
}

void JsSide::request_end(std::size_t call) { add_call_command(CommandKind::kRequestEnd, call, {}); }

void JsSide::replies_taken(std::size_t call, std::size_t bytes) {
  add_call_command(CommandKind::kRepliesTaken, call, {}).code = static_cast<std::int32_t>(bytes);
}

void JsSide::flush() {
  if (commands_.empty()) return;
  command_bytes_.resize(command_bytes_.size() + 1);  // so that data() is never null
  outbox_.flush(*engine_, commands_, command_bytes_.data(), std::move(command_large_));
  commands_.clear();
  command_bytes_.clear();
  command_large_.clear();
}

bool JsSide::wait_announced() {
  return wake_.pending.wait([](bool is) { return is; });
}

bool JsSide::pump_until(const std::function<bool()>& holds) {
  flush();
  while (!holds()) {
    if (!wait_announced()) return false;
    handle_batch();
    flush();
  }
  return true;
}

void JsSide::handle_batch() {
  wake_.pending.change([](bool& is) { is = false; });
  rpc::Inbox::Batch batch = inbox_->swap();
  const std::int32_t* words = slab_words_[static_cast<std::size_t>(batch.slab)].data();
  const std::uint8_t* bytes = slab_bytes_[static_cast<std::size_t>(batch.slab)].data();
  std::size_t next_large = 0;
  for (std::size_t i = 0; i < batch.events; ++i, words += rpc::kEventWords) {
    const bool large = (words[event_word::kFlags] & rpc::event_flag::kLargePayload) != 0;
    const std::uint8_t* payload_in = large ? batch.large.at(next_large++).data() : bytes;
    handle({static_cast<EventKind>(words[event_word::kKind]), words[event_word::kOwner],
            static_cast<std::uint32_t>(words[event_word::kIdLow]),
            static_cast<std::uint32_t>(words[event_word::kIdHigh]), code_of(words), words[event_word::kTimeMs],
            words[event_word::kFlags],
            ByteSpan(payload_in + words[event_word::kPayloadAt],
                     static_cast<std::size_t>(words[event_word::kPayloadBytes])),
            as_text({bytes + words[event_word::kTextAt], static_cast<std::size_t>(words[event_word::kTextBytes])}),
            rpc::Status::from_word(words[event_word::kCode], 0)});
  }
}

Outcome& JsSide::outcome_of(const EventView& event) {
  Outcome& outcome = outcomes_.at(event.id_low);
  if (outcome.ended || event.id_high != (event.id_low ^ 0x5555)) throw std::logic_error("a call ended twice");
  return outcome;
}

void JsSide::handle(const EventView& event) {
  switch (event.kind) {
    case EventKind::kRequest:
      ++requests;
      return on_request ? on_request(event) : reply(event.id_low, event.id_high, event.payload);
    case EventKind::kAbort: ++aborts; return on_abort ? on_abort(event) : end(event.id_low, event.id_high);
    case EventKind::kMessage:
    case EventKind::kHalfClose:
    case EventKind::kRoom:
      if (on_stream) on_stream(event);
      return;
    case EventKind::kServerClosed: ++servers_closed[event.owner]; return;
    case EventKind::kEndpointClosed: ++endpoints_closed[event.owner]; return;
    case EventKind::kEndpointState: return;
    case EventKind::kServerCheck:
      if (on_server_check) on_server_check(event);
      return;
    case EventKind::kLog: log_lines.emplace_back(event.text); return;
    case EventKind::kReplyHeaders: outcome_of(event).headers.emplace_back(event.text); return;
    case EventKind::kReplyMessage:
      outcome_of(event).messages.emplace_back(event.payload.begin(), event.payload.end());
      outcome_of(event).message_flags = event.flags;
      return;
    case EventKind::kRequestRoom: outcome_of(event).room += static_cast<std::size_t>(event.code); return;
    case EventKind::kReply:
    case EventKind::kFailure:
    case EventKind::kCallEnd: {
      Outcome& outcome = outcome_of(event);
      outcome.ended = true;
      if (event.kind != EventKind::kReply) outcome.status = event.status;
      outcome.ok = outcome.status.ok();
      outcome.code = event.code;
      outcome.flags = event.flags;
      outcome.text = event.text;
      if (event.kind == EventKind::kCallEnd) {
        outcome.trailers = as_text(event.payload);
      } else {
        outcome.payload.assign(event.payload.begin(), event.payload.end());
      }
      ++ended_calls_;
    }
  }
}

void JsSide::close_inbox() { inbox_->close(); }

void JsSide::abandon_servers() {
  for (const auto& [server, consumer] : servers_) server->remove_consumer(consumer);
  servers_.clear();
}

void JsSide::close_endpoints() {
  for (const auto& [number, endpoint] : endpoints_) {
    endpoint->close();
    outbox_.remove_endpoint(number);
  }
  endpoints_.clear();
}

void JsSide::release_engine() { engine_.reset(); }

void JsSide::shut_down() {
  if (!engine_) return;
  close_inbox();
  abandon_servers();
  close_endpoints();
  release_engine();
}

}  // namespace rocket::test
