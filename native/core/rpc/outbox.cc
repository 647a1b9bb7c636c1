#include "rpc/outbox.h"

#include "base/thread_check.h"

#include <algorithm>
#include <array>
#include <string>

namespace rocket::rpc {

namespace {

/// A reply up to this size is encoded on the stack for a direct send.
constexpr std::size_t kDirectBytes = 4096;
/// A send costs the JavaScript thread several times as much as handing over, so it sends directly only while calls come
/// one at a time (bench:boundary, 1 x 1 against 50 x 1).
constexpr std::uint32_t kLoneRepliesBeforeDirect = 16;

std::string_view text_at(const std::uint8_t* bytes, std::uint32_t offset, std::uint32_t size) {
  return as_text({bytes + offset, size});
}

/// The end of a command in the slab; the commands of a flush are stored consecutively.
std::size_t end_of(const Command& command) {
  const bool in_slab = !command.has(command_flag::kLargePayload);
  return std::max(std::size_t{command.text_at} + command.text + command.more,
                  in_slab ? std::size_t{command.payload_at} + command.payload : 0);
}

/// Releases a call whose peer has its answer.
class ReleaseTask final : public io::IoTask {
 public:
  ReleaseTask(Lane& lane, CallId id) : lane_(lane), id_(id) {}
  void run() override { ServerShard::release_call(lane_, id_); }

 private:
  Lane& lane_;
  const CallId id_;
};

std::unique_ptr<io::IoTask> release_task(Lane& lane, CallId id) { return std::make_unique<ReleaseTask>(lane, id); }

}  // namespace

/// The commands of one flush for one io thread.
class Outbox::Batch final : public io::IoTask {
 public:
  /// `bytes` is a copy of the outbox's slab, shared by the batches of one flush.
  Batch(Lane& lane, std::shared_ptr<Inbox> inbox, std::size_t commands, std::shared_ptr<const OwnedBytes> bytes)
      : lane_(lane), inbox_(std::move(inbox)), bytes_(std::move(bytes)) {
    items_.reserve(commands);
  }

  void add(const Command& command, OwnedBytes large, ClientLink* link = nullptr, const ClientMethod* method = nullptr,
           SteadyMs deadline = 0) {
    items_.push_back({command, link, method, deadline, std::move(large)});
  }

  // io thread:
  void run() override {
    ROCKET_ON_IO_THREAD(lane_.io);
    // The slots of a thousand calls do not fit into the nearest caches.
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (i + kAhead < items_.size() && items_[i + kAhead].command.kind == CommandKind::kReply) {
        lane_.server_calls.prefetch(items_[i + kAhead].command.call());
      }
      run(items_[i]);
    }
  }

 private:
  static constexpr std::size_t kAhead = 3;

  struct Item {
    Command command;
    ClientLink* link;  // outlives the batch: its close() is posted after every batch that refers to it
    const ClientMethod* method;
    SteadyMs deadline;
    OwnedBytes large;
  };

  /// Its payload could not be allocated.
  static bool lost(const Item& item) { return item.command.has(command_flag::kLargePayload) && item.large.empty(); }

  static std::string lost_text(const Command& command) {
    return "the server has no memory for a reply of " + std::to_string(command.payload) + " bytes";
  }

  void run(Item& item) {
    const Command& command = item.command;
    const std::uint8_t* bytes = bytes_->data();
    const auto text = text_at(bytes, command.text_at, command.text);
    const auto more = text_at(bytes, command.text_at + command.text, command.more);
    const ByteSpan payload =
        command.has(command_flag::kLargePayload) ? ByteSpan{} : ByteSpan{bytes + command.payload_at, command.payload};
    const bool compressed = command.has(command_flag::kCompressed);
    switch (command.kind) {
      case CommandKind::kReply: {
        if (lost(item)) {
          const std::string why = lost_text(command);
          Reply failure{{Code::kResourceExhausted}, why, {}, {}};
          return ServerShard::reply_call(lane_, command.call(), failure);
        }
        Reply reply{command.status(), text, more, {payload, std::move(item.large), compressed}};
        return ServerShard::reply_call(lane_, command.call(), reply);
      }
      case CommandKind::kMessage: {
        if (lost(item)) {
          return ServerShard::finish_call(lane_, command.call(), {Code::kResourceExhausted}, lost_text(command), {});
        }
        Payload message{payload, std::move(item.large), compressed};
        return ServerShard::send_message(lane_, command.call(), message);
      }
      case CommandKind::kFinish: return ServerShard::finish_call(lane_, command.call(), command.status(), text, more);
      case CommandKind::kHeaders: return ServerShard::send_headers(lane_, command.call(), text);
      case CommandKind::kTaken: return ServerShard::note_taken(lane_, command.call(), command.taken_bytes());
      case CommandKind::kRelease: return ServerShard::release_call(lane_, command.call());
      case CommandKind::kCall: {
        CallRequest request;
        request.handle = command.handle();
        request.method = item.method;
        request.deadline = item.deadline;
        request.body = payload;
        if (lost(item)) request.lost_bytes = command.payload;
        request.large_body = std::move(item.large);
        request.metadata = text;
        request.msg_id = more;
        request.open = command.has(command_flag::kOpen);
        request.compressed = compressed;
        return item.link->send(request);
      }
      case CommandKind::kRequestMessage:
        if (LinkedCall* call = find(command)) {
          const std::size_t lost_bytes = lost(item) ? command.payload : 0;
          Payload message{payload, std::move(item.large), compressed, lost_bytes};
          call->link->message(*call, message);
        }
        return;
      case CommandKind::kRequestEnd:
        if (LinkedCall* call = find(command)) call->link->half_close(*call);
        return;
      case CommandKind::kRepliesTaken:
        if (LinkedCall* call = find(command))
          call->link->taken(*call, static_cast<std::size_t>(std::max(0, command.taken_bytes())));
        return;
      case CommandKind::kCancel:
        if (LinkedCall* call = find(command)) call->link->cancel(*call);
        return;
    }
  }

  LinkedCall* find(const Command& command) { return ClientLink::find(*lane_.port_for(inbox_), command.handle()); }

  Lane& lane_;
  const std::shared_ptr<Inbox> inbox_;
  std::vector<Item> items_;
  const std::shared_ptr<const OwnedBytes> bytes_;
};

Outbox::~Outbox() = default;

Outbox::Outbox(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}

Outbox::Batch& Outbox::batch_for(Lane& lane) {
  for (auto& [at, batch] : batches_) {
    if (at != &lane) continue;
    if (!batch) batch = std::make_unique<Batch>(lane, inbox_, flush_commands_, flush_bytes_);
    return *batch;
  }
  batches_.emplace_back(&lane, std::make_unique<Batch>(lane, inbox_, flush_commands_, flush_bytes_));
  return *batches_.back().second;
}

void Outbox::flush(Engine& engine, std::span<const Command> commands, const std::uint8_t* bytes,
                   std::vector<OwnedBytes> large) {
  ROCKET_ON_JS_THREAD(js_thread_);
  if (commands.empty()) return;
  ++stats_.flushes;
  stats_.commands += commands.size();
  const bool lone = commands.size() == 1 && commands[0].kind == CommandKind::kReply && large.empty();
  lone_replies_in_a_row_ = lone ? lone_replies_in_a_row_ + 1 : 0;
  if (lone && lone_replies_in_a_row_ > kLoneRepliesBeforeDirect &&
      try_direct(engine.lane(commands[0].call().io_thread()), commands[0], bytes)) {
    ++stats_.direct_sends;
    return;
  }
  flush_commands_ = commands.size();
  flush_bytes_ = std::make_shared<const OwnedBytes>(OwnedBytes::copy_of({bytes, end_of(commands.back())}));
  std::size_t next_large = 0;
  for (const Command& command : commands) {
    OwnedBytes block;
    if (command.has(command_flag::kLargePayload)) block = std::move(large[next_large++]);
    switch (command.kind) {
      case CommandKind::kHeaders:
        // The reply has to be sent after them.
        engine.lane(command.call().io_thread()).server_calls.held(command.call()).direct = nullptr;
        [[fallthrough]];
      case CommandKind::kReply:
      case CommandKind::kRelease:
      case CommandKind::kMessage:
      case CommandKind::kFinish:
      case CommandKind::kTaken:
        batch_for(engine.lane(command.call().io_thread())).add(command, std::move(block));
        break;
      case CommandKind::kCall: add_call(command, std::move(block)); break;
      case CommandKind::kRequestMessage:
      case CommandKind::kRequestEnd:
      case CommandKind::kRepliesTaken:
      case CommandKind::kCancel:
        if (command.id_low < route_by_handle_.size() && route_by_handle_[command.id_low] != nullptr) {
          batch_for(*route_by_handle_[command.id_low]).add(command, std::move(block));
        }
        break;
    }
  }
  flush_bytes_.reset();
  for (auto& [lane, batch] : batches_) {
    if (batch) lane->io.post(std::move(batch));
  }
}

void Outbox::add_call(const Command& command, OwnedBytes large) {
  const auto found = endpoints_.find(command.endpoint());
  if (found == endpoints_.end()) return;  // JavaScript checks that its channel is open before it writes a call
  ClientEndpoint& endpoint = *found->second;
  ClientLink& link = endpoint.pick();
  if (route_by_handle_.size() <= command.id_low) route_by_handle_.resize(command.id_low + 64);
  route_by_handle_[command.id_low] = &link.lane();
  const ClientMethod* method = &endpoint.channel().methods[static_cast<std::size_t>(command.method)];
  const SteadyMs deadline = steady_now_ms() + command.timeout_ms;
  batch_for(link.lane()).add(command, std::move(large), &link, method, deadline);
}

bool Outbox::try_direct(Lane& lane, const Command& command, const std::uint8_t* bytes) {
  // JavaScript holds the call until it ends it, so its slot may be read here (ServerCall).
  ServerCall& call = lane.server_calls.held(command.call());
  if (call.direct == nullptr || command.has(command_flag::kCompressed)) return false;
  std::array<std::uint8_t, kDirectBytes> frame;
  const DirectReply reply{command.status(),
                          text_at(bytes, command.text_at, command.text),
                          text_at(bytes, command.text_at + command.text, command.more),
                          {bytes + command.payload_at, command.payload}};
  const std::size_t size = call.direct->write(call, reply, frame);
  if (size == 0) return false;
  if (call.answered.exchange(true, std::memory_order_acq_rel)) {
    lane.io.post(release_task(lane, command.call()));
    return true;
  }
  ServerShard::count_out(call);
  std::size_t sent = 0;
  const auto result = call.connection->direct_send({frame.data(), size}, sent);
  if (result != io::Connection::Direct::kBusy) call.direct_bytes = static_cast<std::uint32_t>(size);
  switch (result) {
    case io::Connection::Direct::kSent:
      // Freeing the slot can wait until the thread is awake anyway: its caller has the reply. Code that waits for the
      // end of a call sets TasksAwaited.
      lane.io.post_lazily(release_task(lane, command.call()));
      return true;
    case io::Connection::Direct::kPartial: {
      lane.io.post([connection = call.connection->shared_from_this(),
                    rest = std::vector<std::uint8_t>(frame.data() + sent, frame.data() + size)] {
        connection->finish_direct(rest);
      });
      lane.io.post(release_task(lane, command.call()));
      return true;
    }
    case io::Connection::Direct::kBusy: break;
  }
  ServerShard::count_in(call);
  call.answered.store(false, std::memory_order_release);
  return false;
}

}  // namespace rocket::rpc
