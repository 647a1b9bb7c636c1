#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/thread_check.h"
#include "base/timer_wheel.h"
#include "io/address.h"
#include "rpc/call_link.h"
#include "rpc/client_call.h"
#include "rpc/client_channel.h"
#include "rpc/engine.h"
#include "rpc/payload.h"

namespace rocket::rpc {

class ClientLink;

/// The base of the client calls of all protocols. Lives on its link's io thread; the timer is its deadline.
struct LinkedCall : Timer, CallLink {
  explicit LinkedCall(Fire on_deadline) : Timer(on_deadline) {}

  ClientLink* link = nullptr;  ///< null: the slot is free
  CallHandle handle;
  const ClientMethod* method = nullptr;
  SteadyMs started = 0;

  // Used only while it waits for a connection.
  OwnedBytes body;
  std::string metadata;
};

/// The connections of one endpoint on one io thread, for any protocol: JavaScript calls this a link. A session is the
/// protocol on one of those connections, on the client as on the server. Belongs to its io thread; kept alive by the
/// endpoint on the JavaScript thread, and by pending work of its protocol.
class ClientLink {
 public:
  ClientLink(Lane& lane) : lane_(lane) {}
  virtual ~ClientLink() = default;
  ClientLink(const ClientLink&) = delete;
  ClientLink& operator=(const ClientLink&) = delete;

  // any thread:
  Lane& lane() { return lane_; }
  LinkState state() const { return state_.load(std::memory_order_relaxed); }
  /// The number of calls that could be sent now; more would wait on the link. A hint, as of the link's last turn.
  std::uint32_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
  /// The peer accepts no new calls on the current connections, and will close them.
  bool draining() const { return draining_.load(std::memory_order_relaxed); }

  // io thread:
  /// The first call: binds the link to its thread.
  virtual void attach() = 0;
  /// Starts a call. It ends with one event for its handle, unless it is cancelled.
  virtual void send(CallRequest& request) = 0;
  // For an open call, of protocols that stream.
  /// Sends a request of it.
  virtual void message(LinkedCall&, Payload&) {}
  virtual void half_close(LinkedCall&) {}
  /// JavaScript has handled this many bytes of its replies.
  virtual void taken(LinkedCall&, std::size_t) {}
  /// Drops one of its calls; nothing more is reported about it.
  virtual void cancel(LinkedCall& call) = 0;
  /// Connects if idle, so that the first call need not wait.
  virtual void connect_now() = 0;
  virtual void set_addresses(std::vector<io::Address> addresses) = 0;
  /// Sets the TLS context of connections made from now on.
  virtual void set_tls(std::shared_ptr<const tls::Context> context) = 0;
  /// Answers a question about a server (ServerCheckEvent). An empty `refusal`: it is the right one.
  virtual void answer_server_check(std::uint32_t question, std::string refusal) = 0;
  /// The endpoint is no longer listed. While there is no connection, calls that wait for one end with CANCELLED; calls
  /// that are sent continue.
  virtual void release_waiting() = 0;
  /// Fails what is in flight with CANCELLED, closes, then sends kEndpointClosed.
  virtual void close() = 0;

  /// The call with that handle; null if it has ended.
  static LinkedCall* find(InboxPort& port, CallHandle handle) {
    ROCKET_ON_IO_THREAD(port.io());
    const auto& by_handle = port.calls_by_handle();
    if (handle.index >= by_handle.size()) return nullptr;
    LinkedCall* call = by_handle[handle.index];
    if (call == nullptr || call->link == nullptr || call->handle.generation != handle.generation) return nullptr;
    return call;
  }

 protected:
  void store_state(LinkState state) { state_.store(state, std::memory_order_relaxed); }
  void set_capacity(std::uint32_t calls) { capacity_.store(calls, std::memory_order_relaxed); }
  void set_draining(bool draining) { draining_.store(draining, std::memory_order_relaxed); }

  Lane& lane_;

 private:
  std::atomic<LinkState> state_{LinkState::kIdle};
  std::atomic<std::uint32_t> capacity_{UINT32_MAX};
  std::atomic<bool> draining_{false};
};

/// The arguments for making a link.
struct LinkSetup {
  std::shared_ptr<ClientChannel> channel;
  std::shared_ptr<ClientEndpointInfo> endpoint;
  Lane& lane;
  std::uint32_t index;  ///< its index among the links of the endpoint
  std::size_t links;    ///< number of links of the endpoint
  std::vector<io::Address> addresses;
};

/// A protocol that a channel can speak: an immutable object for the whole process.
struct ClientProtocol {
  std::string_view name;
  std::shared_ptr<ClientLink> (*make_link)(LinkSetup setup);
  std::string_view alpn = {};  ///< its name in TLS
  bool needs_alpn = false;     ///< a server that does not choose it is refused
};

}  // namespace rocket::rpc
