#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "rpc/client_channel.h"
#include "rpc/engine.h"
#include "rpc/inbox.h"
#include "rpc/outbox.h"
#include "rpc/server.h"

namespace rocket::stats {

/// A counter only grows for as long as what it belongs to exists; a gauge is as of now.
enum class Kind : std::uint8_t { kCounter, kGauge };

/// Texts are literals.
struct Stat {
  /// As in the objects that JavaScript sees: `connectionsTotal`.
  std::string_view name;
  Kind kind;
  double value;
  /// What tells it from others of its name, `reason`, and which of them it is, `idle_timeout`. Empty: there is one.
  std::string_view label_name = {};
  std::string_view label = {};
};

/// Those of one name come one after the other.
using Visit = std::function<void(const Stat& stat)>;

// js thread: the two that belong to one. Reads counters alone, so calls are not held up.
void for_each_stat(const rpc::Server& server, const Visit& visit);
void for_each_stat(const rpc::ClientChannel& channel, const Visit& visit);
/// The io threads of the process, if there are any, and the two queues of one JavaScript environment.
void for_each_stat(rpc::Engine* engine, const rpc::Inbox& inbox, const rpc::Outbox& outbox, const Visit& visit);

}  // namespace rocket::stats
